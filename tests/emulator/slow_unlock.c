/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preloaded into the emulator: whenever a thread but the first has released a
 * mutex, it waits, so that the first one (QEMU's main loop) takes what it can.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#define WAIT_US 2000
#define WAIT_FOR_ANOTHER_US 100000	/* when another thread waits for the mutex already */
#define CONTENDED 2			/* glibc, lowlevellock.h */

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	static int (*unlock)(pthread_mutex_t *);
	int contended = mutex->__data.__lock == CONTENDED, result;

	if (!unlock)
		unlock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_unlock");
	result = unlock(mutex);
	if (gettid() != getpid())
		usleep(contended ? WAIT_FOR_ANOTHER_US : WAIT_US);
	return result;
}
