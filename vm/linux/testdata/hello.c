#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int got;
static void handler(int sig) { got = sig; }

int main(int argc, char **argv)
{
	char line[64];
	volatile double half = 0.5;
	int status;

	printf("hello %d [%s] [%s]\n", argc, argv[1], argv[2]);
	while (fgets(line, sizeof line, stdin))
		printf("in: %s", line);
	printf("%g %f %f\n", half * 3, 2.718281828 + half - half, 3.14159265 * half * 2);
	fflush(stdout);
	if (fork() == 0)
		_exit(42);
	wait(&status);
	printf("child %d\n", WEXITSTATUS(status));
	signal(SIGALRM, handler);
	alarm(100);
	pause();
	printf("alarm %d\n", got);
	free(malloc(1 << 20));
	return 7;
}
