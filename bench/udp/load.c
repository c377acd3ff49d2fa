/*
 * Load for a UDP echo server on 127.0.0.1: load PORT WINDOW SIZE SECONDS.
 *
 * Keeps WINDOW datagrams of SIZE bytes under way. It takes and gives as many at a call as there are
 * (recvmmsg(2), sendmmsg(2)), so that it needs less time for a datagram than any server which takes
 * them one by one. When nothing has come for 100 ms, what is under way is lost and the window filled anew.
 * Prints one line: replies, lost, nanoseconds.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum { MAX_WINDOW = 1024, MAX_SIZE = 65507, MAX_REPLY = 64 };

static char data[MAX_SIZE];
static char replies[MAX_WINDOW][MAX_REPLY];
static struct iovec out[MAX_WINDOW], in[MAX_WINDOW];
static struct mmsghdr sending[MAX_WINDOW], receiving[MAX_WINDOW];

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void send_many(int fd, int count) {
  for (int sent = 0; sent < count;) {
    int n = sendmmsg(fd, sending, (unsigned)(count - sent), 0);
    if (n < 0) fail("sendmmsg");
    sent += n;
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: load PORT WINDOW SIZE SECONDS\n"), 2;
  int port = atoi(argv[1]), window = atoi(argv[2]), size = atoi(argv[3]);
  double seconds = atof(argv[4]);
  if (window < 1 || window > MAX_WINDOW || size < 0 || size > MAX_SIZE) return 2;

  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in server = {.sin_family = AF_INET,
                               .sin_port = htons((unsigned short)port),
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct timeval patience = {.tv_usec = 100000};
  if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0) fail("connect");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0) fail("setsockopt");

  for (int i = 0; i < size; i++) data[i] = 'x';
  for (int i = 0; i < window; i++) {
    out[i] = (struct iovec){data, (size_t)size};
    in[i] = (struct iovec){replies[i], MAX_REPLY};
    sending[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
    receiving[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
  }

  long long count = 0, lost = 0, start = now(), end = start + (long long)(seconds * 1e9);
  send_many(fd, window);
  while (now() < end) {
    int n = recvmmsg(fd, receiving, (unsigned)window, MSG_WAITFORONE, NULL);
    if (n > 0) {
      count += n;
      send_many(fd, n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      lost += window;
      send_many(fd, window);
    } else if (errno != EINTR) {
      fail("recvmmsg");
    }
  }
  printf("%lld %lld %lld\n", count, lost, now() - start);
  return 0;
}
