// Asks the kernel for what no honest program asks for. Each question is named by the
// first argument, and its answer is printed.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long r) { printf("%s %s\n", what, r < 0 ? strerror(errno) : "ok"); }

static int watch(int ep, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };
	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static void epolls(void)
{
	int e[7];
	for (int i = 0; i < 7; i++)
		e[i] = epoll_create1(0);
	say("one", watch(e[0], e[1]));
	say("back", watch(e[1], e[0]));
	say("two", watch(e[1], e[2]));
	say("round", watch(e[2], e[0]));
	say("three", watch(e[2], e[3]));
	say("four", watch(e[3], e[4]));
	say("five", watch(e[4], e[5]));
	struct epoll_event got;
	say("wait", epoll_wait(e[0], &got, 1, 0));
}

static void far(void)
{
	int fd = open("/tmp/far", O_RDWR | O_CREAT, 0600);
	char c = 'x';
	struct iovec v = { &c, 1 };
	signal(SIGXFSZ, SIG_IGN);
	say("seek", lseek(fd, 0x7ffffffffffffff0, SEEK_SET));
	say("write", write(fd, "0123456789012345678901234567890123456789", 40));
	say("preadv", syscall(SYS_preadv, fd, &v, 1, -1L, 0));
	say("pwritev", syscall(SYS_pwritev, fd, &v, 1, -2L, 0));
}

static void deadchild(void)
{
	char name[64], p[256];
	long pid = syscall(SYS_clone, 200, 0, 0, 0, 0); // there is no signal 200
	if (pid == 0) {
		pause();
		_exit(0);
	}
	sprintf(name, "/proc/%ld", pid);
	int dir = open(name, O_RDONLY | O_DIRECTORY);
	kill(pid, SIGKILL);
	say("wait", waitpid(pid, 0, __WALL));
	const char *files[] = { "maps", "cmdline", "environ", "auxv", "mem" };
	for (int i = 0; i < 5; i++) {
		int fd = openat(dir, files[i], O_RDONLY);
		if (fd >= 0 && read(fd, p, sizeof p) > 0)
			printf("%s of the dead\n", files[i]);
	}
	readlinkat(dir, "exe", p, sizeof p);
	readlinkat(dir, "cwd", p, sizeof p);
	puts("end");
}

static void timers(char **argv)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec soon = { { 0, 1000 }, { 0, 1000000 } };
	timer_t id;
	timer_create(CLOCK_MONOTONIC, &ev, &id);
	timer_settime(id, 0, &soon, 0);
	char *next[] = { argv[0], "sleep", 0 };
	execv("/proc/self/exe", next); // which has no timers then
}

static void sleeps(void)
{
	struct timespec t = { 0, 50000000 };
	say("sleep", nanosleep(&t, 0));
}

static void many(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	siginfo_t info = { .si_code = SI_QUEUE };
	sigset_t all;
	timer_t id;
	long n = 0, r;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, 0);
	while (n < 100000 && (r = syscall(SYS_rt_sigqueueinfo, getpid(), 40, &info)) == 0)
		n++;
	say(n == 8192 ? "queue" : "no limit", r);
	for (n = 0; n < 100000 && (r = timer_create(CLOCK_MONOTONIC, &ev, &id)) == 0; n++)
		;
	say(n == 8192 ? "timers" : "no limit", r);
}

static void files(void)
{
	char name[64];
	long n, r = 0;
	for (n = 0; n < 100000 && r == 0; n++) {
		sprintf(name, "/tmp/%ld", n);
		r = mkdir(name, 0700);
	}
	say("mkdir", r);
}

static void idle(void)
{
	struct itimerval often = { { 0, 1 }, { 0, 1 } };
	signal(SIGALRM, SIG_IGN);
	setitimer(ITIMER_REAL, &often, 0);
	pause();
}

static void memory(void)
{
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			memset(p, 1, 1 << 20);
			pause();
		}
	pause();
}

int main(int argc, char **argv)
{
	switch (argc > 1 ? argv[1][0] : 0) {
	case 'e': epolls(); break;
	case 'f': far(); break;
	case 'd': deadchild(); break;
	case 't': timers(argv); break;
	case 's': sleeps(); break;
	case 'i': idle(); break;
	case 'n': many(); break;
	case 'p': files(); break;
	case 'm': memory(); break;
	}
	return 0;
}
