/* What a file holds is the same for read(2), write(2) and every mapping. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	siglongjmp(back, sig * 100 + info->si_code);
}

/* The byte at p, or the signal that a look at it raises. */
static int look(volatile char *p)
{
	int got = sigsetjmp(back, 1);
	return got ? got : *p;
}

int main(void)
{
	struct sigaction act = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
	sigaction(SIGBUS, &act, 0);
	sigaction(SIGSEGV, &act, 0);
	setvbuf(stdout, 0, _IONBF, 0);

	int fd = open("made", O_RDWR | O_CREAT | O_TRUNC, 0644);
	write(fd, "hello world", 11);
	char *shared = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *private = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char buf[32] = "";
	shared[0] = 'J';
	pread(fd, buf, 11, 0);
	pwrite(fd, "XYZ", 3, 6);
	printf("%s, %.11s, %.11s\n", buf, shared, private);
	private[1] = 'u';
	pwrite(fd, "o", 1, 1);
	printf("%.11s, %.11s\n", shared, private);

	printf("behind the end: %d\n", look(shared + 5000));
	ftruncate(fd, 8192);
	shared[5000] = 'k';
	pread(fd, buf, 1, 5000);
	printf("grown: %c %d\n", buf[0], look(shared + 5001));
	ftruncate(fd, 100);
	printf("cut: %d %d\n", look(shared + 5000), look(shared + 4095));
	ftruncate(fd, 8192);
	printf("grown again: %d\n", look(shared + 5000));

	if (!fork()) {
		shared[2] = 'C';
		_exit(0);
	}
	wait(0);
	int other = open("made", O_WRONLY | O_APPEND);
	for (int i = 0; i < 4; i++)
		if (!fork()) {
			for (int j = 0; j < 20; j++)
				write(i % 2 ? other : dup(other), "line\n", 5);
			_exit(0);
		}
	while (wait(0) > 0)
		;
	struct stat st;
	fstat(fd, &st);
	lseek(fd, 8192 - 5, SEEK_SET);
	int lines = 0;
	for (int n; (n = read(fd, buf, 5)) == 5;)
		lines += !memcmp(buf, "line\n", 5);
	printf("%c, %d lines in %ld bytes\n", shared[2], lines, (long)st.st_size);

	int granted = open("granted", O_RDWR);
	char *text = mmap(0, 4096, PROT_READ, MAP_SHARED, granted, 0);
	printf("%.5s ", text);
	write(granted, "other", 5);
	printf("%.5s\n", text);

	int unnamed = memfd_create("unnamed", 0);
	ftruncate(unnamed, 4096);
	char *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, unnamed, 0);
	strcpy(memory, "memory");
	read(unnamed, buf, 7);
	printf("%s\n", buf);
	return 0;
}
