#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

#include "manager/leadership.h"
#include "manager/manager.h"

/* One arena for each thread would keep each one's peak; the threads here mostly wait. */
#define ARENAS 2

/* Free memory at the heap's top beyond this goes back to the kernel. */
#define TRIM_THRESHOLD (256 * 1024)

/* Pages of lists and large answers are mapped apart, and so returned when they are freed. Naming
 * the threshold also keeps glibc from raising it (mallopt(3)). */
#define MMAP_THRESHOLD (128 * 1024)

/* For the threads that libraries start. */
#define THREAD_STACK_SIZE (512 * 1024)

void manager_prepare_process(void)
{
    pthread_attr_t attributes;
    sigset_t signals;

    mallopt(M_ARENA_MAX, ARENAS);
    mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
    /* A huge page under each stack and heap would cost more than all the rest. */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_SIZE);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);

    signal(SIGPIPE, SIG_IGN); /* TLS writes to peers that may be gone. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, LEADERSHIP_SIGNAL);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* The main thread waits for them. */
}
