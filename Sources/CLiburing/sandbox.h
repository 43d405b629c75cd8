// What a process gives up: capabilities, paths (Landlock) and system calls (a seccomp filter). Linux's own calls, which
// no C library wraps; each returns 0, or an errno.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int prctl(int option, ...);

static inline int turnout_renounce(void) {
  // No program that this process might start gets more rights than it has.
  if (prctl(38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0)) return errno;
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2];
  __builtin_memset(none, 0, sizeof none);
  if (syscall(SYS_capset, &header, none) == 0) return 0;
  // A filter around the process may refuse the call; then there is hardly anything to give up.
  int error = errno;
  if (syscall(SYS_capget, &header, none)) return errno;
  return none[0].effective | none[0].permitted | none[1].effective | none[1].permitted ? error : 0;
}

// Keeps the process's memory out of core files and away from debuggers of the same user.
static inline int turnout_hide(void) { return prctl(4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0) ? errno : 0; }

// The newest Landlock that the kernel knows, 0 for none.
static inline int turnout_landlock_version(void) {
#ifdef SYS_landlock_create_ruleset
  long version = syscall(SYS_landlock_create_ruleset, (void *)0, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
  return version > 0 ? (int)version : 0;
#else
  return 0;
#endif
}

// What Landlock's first version knows, but for the rights to read.
#define TURNOUT_LANDLOCK_READ 0xcULL  // READ_FILE, READ_DIR
#define TURNOUT_LANDLOCK_FIRST 0x1fffULL
#define TURNOUT_LANDLOCK_REFER (1ULL << 13)     // version 2
#define TURNOUT_LANDLOCK_TRUNCATE (1ULL << 14)  // version 3
#define TURNOUT_LANDLOCK_EXECUTE 1ULL
#define TURNOUT_LANDLOCK_REMOVE (1ULL << 5)
#define TURNOUT_LANDLOCK_FILE 0x4007ULL  // of these, what a rule for a file may name: EXECUTE, WRITE, READ, TRUNCATE

static inline unsigned long long turnout_landlock_rights(int version) {
  unsigned long long rights = TURNOUT_LANDLOCK_FIRST;
  if (version >= 2) rights |= TURNOUT_LANDLOCK_REFER;
  if (version >= 3) rights |= TURNOUT_LANDLOCK_TRUNCATE;
  return rights;
}

// A set of rules that allows nothing yet, no new port either (version 4); a descriptor, or a negative errno.
static inline int turnout_landlock_begin(int version) {
  unsigned long long attributes[2] = {turnout_landlock_rights(version), 1 /* LANDLOCK_ACCESS_NET_BIND_TCP */};
  long set = syscall(SYS_landlock_create_ruleset, attributes, version >= 4 ? 16 : 8, 0);
  return set < 0 ? -errno : (int)set;
}

// Allows to read below `path` (0), to remove files there as well (1), or to do everything but execute (2).
static inline int turnout_landlock_allow(int set, int version, const char *path, int use) {
  struct {
    unsigned long long rights;
    int parent;
  } __attribute__((packed)) rule;
  rule.parent = open(path, 010000000 /* O_PATH */ | O_CLOEXEC);
  if (rule.parent < 0) return errno;
  rule.rights = use == 2 ? turnout_landlock_rights(version) & ~TURNOUT_LANDLOCK_EXECUTE
                         : TURNOUT_LANDLOCK_READ | (use == 1 ? TURNOUT_LANDLOCK_REMOVE : 0);
  long code = syscall(SYS_landlock_add_rule, set, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0);
  if (code && errno == EINVAL) {  // a file: it has no rights of a folder
    rule.rights &= TURNOUT_LANDLOCK_FILE & turnout_landlock_rights(version);
    code = syscall(SYS_landlock_add_rule, set, 1, &rule, 0);
  }
  int error = code ? errno : 0;
  close(rule.parent);
  return error;
}

// From now on, for this thread and those that it starts.
static inline int turnout_landlock_end(int set) {
  return syscall(SYS_landlock_restrict_self, set, 0) ? errno : 0;
}

#if defined(__x86_64__)
#define TURNOUT_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define TURNOUT_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

// Refuses (EPERM) what a proxy never does: start programs, look into other processes, change who it is, mount, load
// code into the kernel, change the machine. Everything else is allowed, so that a newer C library needs no newer list.
static inline int turnout_refuse_calls(void) {
#ifdef TURNOUT_ARCHITECTURE
  static const int refused[] = {
      SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_pidfd_getfd,
      SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setfsuid, SYS_setfsgid,
      SYS_setgroups, SYS_capset, SYS_chroot, SYS_pivot_root, SYS_mount, SYS_umount2, SYS_move_mount, SYS_open_tree,
      SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_mount_setattr, SYS_setns, SYS_unshare, SYS_init_module,
      SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_add_key,
      SYS_request_key, SYS_keyctl, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_sethostname, SYS_setdomainname,
      SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_acct, SYS_quotactl, SYS_syslog,
      SYS_mknodat, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_personality,
#ifdef __x86_64__
      SYS_mknod, SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_vfork,
#endif
  };
  enum { count = sizeof refused / sizeof *refused };
  struct sock_filter program[count + 8];
  int end = 0;
  program[end++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
  // Calls of another architecture have other numbers.
  program[end++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TURNOUT_ARCHITECTURE, 1, 0);
  program[end++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  program[end++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
  // The x32 ABI goes by the name of x86-64, with a bit more in its numbers.
  program[end++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
  program[end++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
#endif
  for (int index = 0; index < count; index++)
    program[end++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[index], count - index, 0);
  program[end++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  program[end++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  struct sock_fprog filter = {(unsigned short)end, program};
  // Older kernels slow threads with a filter down against attacks on programs that run foreign code.
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) ? errno : 0;
#else
  return ENOSYS;
#endif
}
