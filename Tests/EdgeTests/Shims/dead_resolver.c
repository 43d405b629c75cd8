// A resolver that is dead until a file is there: preloaded with LD_PRELOAD, it stands before the C library's and keeps
// whoever asks for upstream.test waiting; then the name is that of this machine.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
  static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  if (!next) next = (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");
  if (!node || strcmp(node, "upstream.test")) return next(node, service, hints, result);
  // Digits alone are asked for first, which no resolver is needed to deny.
  if (hints && hints->ai_flags & AI_NUMERICHOST) return EAI_NONAME;
  const char *sign = getenv("RESOLVER_FILE");
  while (sign && access(sign, F_OK)) usleep(10000);
  return next("127.0.0.1", service, hints, result);
}
