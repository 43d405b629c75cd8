// liburing for Swift: its static inline functions are imported as they are; what is a macro, a member of an
// anonymous union or a flexible array is given a function here.
#pragma once
// First, so that the types are those of the Glibc module: liburing.h asks for others.
#include <sys/select.h>
#include <liburing.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

static inline void turnout_sqe_set_token(struct io_uring_sqe *sqe, unsigned long long token) {
  sqe->user_data = token;
}
static inline void turnout_sqe_select_buffer(struct io_uring_sqe *sqe, unsigned short group) {
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = group;
}
static inline void turnout_sqe_skip_success(struct io_uring_sqe *sqe) { sqe->flags |= IOSQE_CQE_SKIP_SUCCESS; }
static inline unsigned turnout_setup_flags(void) {
  return IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
}
static inline int turnout_cqe_has_more(const struct io_uring_cqe *cqe) {
  return (cqe->flags & IORING_CQE_F_MORE) != 0;
}
static inline int turnout_cqe_buffer(const struct io_uring_cqe *cqe) {
  return cqe->flags & IORING_CQE_F_BUFFER ? (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT) : -1;
}
static inline int turnout_cq_is_overflowing(const struct io_uring *ring) {
  return (IO_URING_READ_ONCE(*ring->sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
}
static inline unsigned long long turnout_cq_token(const struct io_uring *ring, unsigned index) {
  return ring->cq.cqes[(*ring->cq.khead + index) & *ring->cq.kring_mask].user_data;
}
static inline unsigned turnout_cq_overflow(const struct io_uring *ring) { return *ring->cq.koverflow; }

// Linux's own calls, which the Glibc module leaves out because it is built without _GNU_SOURCE.
int sched_getaffinity(int process, unsigned long size, cpu_set_t *set);
int sched_setaffinity(int process, unsigned long size, const cpu_set_t *set);
int prctl(int option, ...);
int accept4(int socket, struct sockaddr *address, socklen_t *length, int flags);
// Whether this processor has what the programs were compiled for: the level x86-64-v3 of the System V ABI.
static inline int turnout_processor_suffices(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("movbe") &&
         __builtin_cpu_supports("f16c");
#else
  return 1;
#endif
}

static inline void turnout_name_thread(const char *name) { prctl(15 /* PR_SET_NAME */, name); }

// glibc's own; the Glibc module has no malloc.h.
int malloc_trim(unsigned long pad);
int mallopt(int parameter, int value);
static const int turnout_heap_trim_threshold = -1;  // M_TRIM_THRESHOLD

// What linux/udp.h calls UDP_SEGMENT and UDP_GRO; old C libraries know neither.
static const int turnout_udp_segment = 103;
static const int turnout_udp_gro = 104;

// What a multishot recvmsg left in a buffer: 0 if it is no whole message. `segment` is the size of the datagrams that
// UDP_GRO put together, 0 if it is a single one; `drops` is the socket's count of datagrams that found no room, and
// stays as it is where the kernel does not tell.
struct turnout_message {
  const void *origin;
  unsigned origin_length;
  const void *payload;
  unsigned payload_length;
  unsigned segment;
  unsigned drops;
  int is_cut;
};
static inline int turnout_read_message(void *buffer, int length, struct msghdr *form, struct turnout_message *message) {
  struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(buffer, length, form);
  if (!out) return 0;
  message->origin = io_uring_recvmsg_name(out);
  message->origin_length = out->namelen < form->msg_namelen ? out->namelen : form->msg_namelen;
  message->payload = io_uring_recvmsg_payload(out, form);
  message->payload_length = io_uring_recvmsg_payload_length(out, length, form);
  message->is_cut = (out->flags & MSG_TRUNC) != 0;
  message->segment = 0;
  for (struct cmsghdr *control = io_uring_recvmsg_cmsg_firsthdr(out, form); control;
       control = io_uring_recvmsg_cmsg_nexthdr(out, form, control)) {
    if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL)
      __builtin_memcpy(&message->drops, CMSG_DATA(control), sizeof message->drops);
    if (control->cmsg_level == 17 && control->cmsg_type == turnout_udp_gro) {
      int size;
      __builtin_memcpy(&size, CMSG_DATA(control), sizeof size);
      message->segment = size > 0 ? (unsigned)size : 0;
    }
  }
  return 1;
}
// Receives as a multishot recvmsg does, into a buffer of `size` bytes that is laid out like its: the result is what
// turnout_read_message reads, or -1 with errno.
static inline int turnout_receive_message(int socket, void *buffer, unsigned size, const struct msghdr *form) {
  struct io_uring_recvmsg_out *out = buffer;
  char *name = (char *)(out + 1);
  char *control = name + form->msg_namelen;
  char *payload = control + form->msg_controllen;
  struct iovec part = {payload, size - (unsigned)(payload - (char *)buffer)};
  struct msghdr message = {0};
  message.msg_name = name;
  message.msg_namelen = form->msg_namelen;
  message.msg_control = control;
  message.msg_controllen = form->msg_controllen;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t count = recvmsg(socket, &message, MSG_DONTWAIT | MSG_TRUNC);
  if (count < 0) return -1;
  out->namelen = message.msg_namelen;
  out->controllen = (unsigned)message.msg_controllen;
  out->payloadlen = (unsigned)count;
  out->flags = (unsigned)message.msg_flags;
  if (count > (ssize_t)part.iov_len) count = (ssize_t)part.iov_len;
  return (int)(payload - (char *)buffer + count);
}
static inline void turnout_prepare_message_form(struct msghdr *form) {
  __builtin_memset(form, 0, sizeof *form);
  form->msg_namelen = sizeof(struct sockaddr_in6);
  form->msg_controllen = CMSG_SPACE(sizeof(int)) * 2;
}

// Who is at the other end of a Unix socket: what SO_PEERCRED tells, whose struct needs _GNU_SOURCE.
struct turnout_peer {
  int process;
  unsigned user;
  unsigned group;
};

// One byte over a stream socket, with a descriptor beside it unless that is negative; 1 if it left.
static inline long turnout_send_letter(int socket, char letter, int descriptor) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr alignment;
  } control;
  struct iovec part = {&letter, 1};
  struct msghdr message;
  __builtin_memset(&message, 0, sizeof message);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    __builtin_memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    __builtin_memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  long count;
  // A ring that goes away interrupts the thread that made it, and a call with a time limit does not begin again.
  do count = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (count < 0 && errno == EINTR);
  return count;
}

// The next byte, and the descriptor that came with it or -1; 1 if there was one, 0 at the end. The kernel closes what
// there is no room for.
static inline long turnout_receive_letter(int socket, char *letter, int *descriptor) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr alignment;
  } control;
  struct iovec part = {letter, 1};
  struct msghdr message;
  __builtin_memset(&message, 0, sizeof message);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  *descriptor = -1;
  long count;
  do count = recvmsg(socket, &message, 0x40000000 /* MSG_CMSG_CLOEXEC */);
  while (count < 0 && errno == EINTR);
  if (count <= 0) return count;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
      __builtin_memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
  return count;
}
