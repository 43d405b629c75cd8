// liburing for Swift: its static inline functions are imported as they are; what is a macro, a member of an
// anonymous union or a flexible array is given a function here.
#pragma once
// First, so that the types are those of the Glibc module: liburing.h asks for others.
#include <sys/select.h>
#include <liburing.h>
#include <sched.h>
#include <sys/eventfd.h>

static inline void turnout_sqe_set_token(struct io_uring_sqe *sqe, unsigned long long token) {
  sqe->user_data = token;
}
static inline void turnout_sqe_select_buffer(struct io_uring_sqe *sqe, unsigned short group) {
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = group;
}
static inline unsigned turnout_setup_flags(int full) {
  unsigned flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  if (full) flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  return flags;
}
static inline int turnout_cqe_has_more(const struct io_uring_cqe *cqe) {
  return (cqe->flags & IORING_CQE_F_MORE) != 0;
}
static inline int turnout_cqe_buffer(const struct io_uring_cqe *cqe) {
  return cqe->flags & IORING_CQE_F_BUFFER ? (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT) : -1;
}
static inline unsigned turnout_cq_overflow(const struct io_uring *ring) { return *ring->cq.koverflow; }

// Linux's own calls, which the Glibc module leaves out because it is built without _GNU_SOURCE.
int sched_getaffinity(int process, unsigned long size, cpu_set_t *set);
int sched_setaffinity(int process, unsigned long size, const cpu_set_t *set);
int prctl(int option, ...);
static inline void turnout_name_thread(const char *name) { prctl(15 /* PR_SET_NAME */, name); }

// What linux/udp.h calls UDP_SEGMENT and UDP_GRO; old C libraries know neither.
static const int turnout_udp_segment = 103;
static const int turnout_udp_gro = 104;
