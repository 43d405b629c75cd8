// The floor: what must a server on io_uring spend to answer at all? It parses nothing. It receives, divides the bytes
// that a connection sent by the known size of a request, and sends the same answer so many times, in one send. One
// thread, multishot accept and receive, buffers that the kernel picks, connections that are no descriptors but places
// in the ring's own table, sends that complete silently.
// Usage: bench-responder PORT|PATH REQUEST-BYTES ANSWER-FILE; listens on 127.0.0.1:PORT or on a Unix socket at PATH.
// Not a server to use: it believes that every client sends whole requests of that size, and reads what it is sent.

#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

enum { ACCEPT = 1, RECEIVE, OTHER };
enum { BUFFERS = 1024, BUFFER_SIZE = 4096, ANSWERS_AT_ONCE = 64, CONNECTIONS = 12288, BATCH = 512 };

static struct io_uring ring;
static struct io_uring_buf_ring *buffer_ring;
static char *buffers;
static char *answers;
static size_t answer_size;
static size_t request_size;
/// Bytes of the request that a connection has begun.
static size_t begun[CONNECTIONS];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/// For calls that return a negated errno.
static void check(int code, const char *what) {
  if (code >= 0) return;
  errno = -code;
  fail(what);
}

static struct io_uring_sqe *submission(void) {
  struct io_uring_sqe *sqe;
  while (!(sqe = io_uring_get_sqe(&ring))) io_uring_submit(&ring);
  return sqe;
}

static void mark(struct io_uring_sqe *sqe, int operation, int number) {
  sqe->user_data = (unsigned long long)operation << 32 | (unsigned)number;
}

static void accept_all(int listener) {
  struct io_uring_sqe *sqe = submission();
  io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
  mark(sqe, ACCEPT, listener);
}

static void receive(int connection) {
  struct io_uring_sqe *sqe = submission();
  io_uring_prep_recv_multishot(sqe, connection, NULL, 0, 0);
  mark(sqe, RECEIVE, connection);
  sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
}

static void answer(int connection, size_t count) {
  while (count > 0) {
    size_t part = count < ANSWERS_AT_ONCE ? count : ANSWERS_AT_ONCE;
    struct io_uring_sqe *sqe = submission();
    // The kernel sends all of it, and says nothing if it did.
    io_uring_prep_send(sqe, connection, answers, part * answer_size, MSG_NOSIGNAL | MSG_WAITALL);
    mark(sqe, OTHER, connection);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    count -= part;
  }
}

static void end(int connection) {
  struct io_uring_sqe *sqe = submission();
  io_uring_prep_close_direct(sqe, (unsigned)connection);
  mark(sqe, OTHER, connection);
}

static void give_back(int buffer) {
  io_uring_buf_ring_add(buffer_ring, buffers + (size_t)buffer * BUFFER_SIZE, BUFFER_SIZE, buffer, BUFFERS - 1, 0);
  io_uring_buf_ring_advance(buffer_ring, 1);
}

static void received(const struct io_uring_cqe *cqe, int connection) {
  if (cqe->flags & IORING_CQE_F_BUFFER) give_back(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
  if (cqe->res > 0) {
    size_t bytes = begun[connection] + (size_t)cqe->res;
    begun[connection] = bytes % request_size;
    answer(connection, bytes / request_size);
    if (!(cqe->flags & IORING_CQE_F_MORE)) receive(connection);
  } else if (cqe->res == -ENOBUFS) {
    receive(connection);
  } else {
    end(connection);
  }
}

static void complete(const struct io_uring_cqe *cqe) {
  int number = (int)(unsigned)cqe->user_data;
  switch (cqe->user_data >> 32) {
    case ACCEPT:
      check(cqe->res, "accept");
      begun[cqe->res] = 0;
      receive(cqe->res);
      if (!(cqe->flags & IORING_CQE_F_MORE)) accept_all(number);
      break;
    case RECEIVE: received(cqe, number); break;
    // A send that failed: the receive that is under way sees the end of the connection too.
    default: break;
  }
}

static int listen_at(const char *place) {
  int port = atoi(place), one = 1;
  struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  int listener = socket(port > 0 ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  if (port > 0) {
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&tcp, sizeof tcp)) fail("bind");
  } else {
    strncpy(path.sun_path, place, sizeof path.sun_path - 1);
    unlink(place);
    if (bind(listener, (struct sockaddr *)&path, sizeof path)) fail("bind");
  }
  if (listen(listener, 4096)) fail("listen");
  return listener;
}

static void read_answer(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file || fseek(file, 0, SEEK_END)) fail(path);
  answer_size = (size_t)ftell(file);
  rewind(file);
  answers = malloc(answer_size * ANSWERS_AT_ONCE);
  if (!answers || fread(answers, 1, answer_size, file) != answer_size) fail(path);
  for (int copy = 1; copy < ANSWERS_AT_ONCE; copy++) memcpy(answers + copy * answer_size, answers, answer_size);
  fclose(file);
}

static void set_up(void) {
  struct io_uring_params parameters = {
      .flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
      .cq_entries = 8192};
  check(io_uring_queue_init_params(1024, &ring, &parameters), "io_uring_setup");
  // One look-up less in each system call.
  check(io_uring_register_ring_fd(&ring), "register the ring");
  // The table may not be larger than what the process may open.
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  unsigned connections = limit.rlim_cur < CONNECTIONS ? limit.rlim_cur : CONNECTIONS;
  check(io_uring_register_files_sparse(&ring, connections), "register connections");
  void *memory;
  if (posix_memalign(&memory, 4096, BUFFERS * sizeof(struct io_uring_buf))) fail("posix_memalign");
  buffer_ring = memory;
  struct io_uring_buf_reg registration = {.ring_addr = (unsigned long)memory, .ring_entries = BUFFERS};
  check(io_uring_register_buf_ring(&ring, &registration, 0), "register buffers");
  io_uring_buf_ring_init(buffer_ring);
  buffers = malloc((size_t)BUFFERS * BUFFER_SIZE);
  if (!buffers) fail("malloc");
  for (int buffer = 0; buffer < BUFFERS; buffer++) give_back(buffer);
}

int main(int count, char **arguments) {
  if (count != 4 || (request_size = (size_t)atol(arguments[2])) == 0) {
    fprintf(stderr, "usage: %s PORT|PATH REQUEST-BYTES ANSWER-FILE\n", arguments[0]);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  read_answer(arguments[3]);
  set_up();
  accept_all(listen_at(arguments[1]));
  while (1) {
    io_uring_submit_and_wait(&ring, 1);
    struct io_uring_cqe *batch[BATCH];
    unsigned ready;
    while ((ready = io_uring_peek_batch_cqe(&ring, batch, BATCH)) > 0) {
      for (unsigned index = 0; index < ready; index++) complete(batch[index]);
      io_uring_cq_advance(&ring, ready);
    }
  }
}
