/*
 * A UDP echo server as plain as C makes it: a yardstick for `deno task bench udp`.
 *
 * It answers every datagram with "Your data was N bytes long", as `parley udp server --quiet` does,
 * and says on its first line at which port of 127.0.0.1 it listens. A signal ends it.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof self;
  if (fd < 0 || bind(fd, (struct sockaddr *)&self, length) < 0 ||
      getsockname(fd, (struct sockaddr *)&self, &length) < 0) {
    perror("echo_server");
    return 1;
  }
  printf("%d\n", ntohs(self.sin_port));
  fflush(stdout);
  for (;;) {
    static char data[65535];
    char reply[64];
    struct sockaddr_in client;
    socklen_t size = sizeof client;
    ssize_t got = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&client, &size);
    if (got < 0) continue;
    int n = snprintf(reply, sizeof reply, "Your data was %zd bytes long", got);
    sendto(fd, reply, (size_t)n, 0, (struct sockaddr *)&client, size);
  }
}
