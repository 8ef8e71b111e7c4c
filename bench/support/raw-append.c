/*
 * The least that a durable append can cost: one growing file, write and fdatasync, nothing around the bytes.
 *
 *   raw-append FILE rate  BYTES MS            prints commits and nanoseconds
 *   raw-append FILE paced BYTES PER_S COUNT   prints the delay of each commit, nanoseconds, one a line
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "raw-append: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void commit(int file, const char *bytes, size_t length) {
  for (size_t written = 0; written < length;) {
    ssize_t more = write(file, bytes + written, length - written);
    if (more < 0) fail("write");
    written += (size_t)more;
  }
  if (fdatasync(file) != 0) fail("fdatasync");
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: raw-append FILE rate BYTES MS | FILE paced BYTES PER_S COUNT\n");
    return 2;
  }
  size_t length = (size_t)atol(argv[3]);
  char *bytes = malloc(length);
  if (!bytes) fail("malloc");
  for (size_t at = 0; at < length; at++) bytes[at] = (char)(at * 31 + 7);
  int file = open(argv[1], O_CREAT | O_EXCL | O_WRONLY | O_APPEND, 0600);
  if (file < 0) fail(argv[1]);
  if (strcmp(argv[2], "rate") == 0) {
    int64_t limit = (int64_t)atol(argv[4]) * 1000000;
    int64_t start = now_ns(), now = start, commits = 0;
    for (; now - start < limit; now = now_ns(), commits++) commit(file, bytes, length);
    printf("%lld %lld\n", (long long)commits, (long long)(now - start));
  } else {
    int64_t pause = 1000000000 / atol(argv[4]);
    long count = argc > 5 ? atol(argv[5]) : 1000;
    int64_t start = now_ns();
    for (long index = 0; index < count; index++) {
      int64_t due = start + pause * (index + 1);
      struct timespec until = {due / 1000000000, due % 1000000000};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
      commit(file, bytes, length);
      printf("%lld\n", (long long)(now_ns() - due));
    }
  }
  close(file);
  unlink(argv[1]);
  return 0;
}
