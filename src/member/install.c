#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "api/permit.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"
#include "member/run.h"

static bool copy_self(const char *to)
{
    AUTO_CLOSE int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    AUTO_CLOSE int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    ssize_t sent;

    if (in < 0 || out < 0) {
        return false;
    }
    do {
        sent = sendfile(out, in, NULL, 1 << 20);
    } while (sent > 0);
    /* Whatever the umask says, another user runs it. */
    return sent == 0 && !fchmod(out, 0755) && !fsync(out);
}

int member_install(const char *directory)
{
    AUTO_FREE char *path = xasprintf("%s/etcd-member", directory);
    AUTO_FREE char *temporary = xasprintf("%s.tmp", path);

    if (!copy_self(temporary) || rename(temporary, path)) {
        log_error("the helper cannot be installed", "path", path, "error", strerror(errno), NULL);
        return 1;
    }
    return 0;
}
