#include <stdio.h>

#include "snapshot/command_internal.h"
#include "store/options.h"

static const char head[] =
    "Usage: etcd-operator snapshot save     --endpoints URL[,URL...] ETCD\n"
    "                                       (--output FILE | --store URL STORE --name NAME)\n"
    "                                       [--compress zstd] [--encryption-key-file FILE]\n"
    "       etcd-operator snapshot verify   (FILE | --store URL STORE --name NAME) KEYS\n"
    "       etcd-operator snapshot decrypt  (FILE | --store URL STORE --name NAME) KEYS\n"
    "                                       --output FILE\n"
    "       etcd-operator snapshot list     --store URL STORE [--unfinished] [BEGINNING]\n"
    "       etcd-operator snapshot download --store URL STORE (NAME | --name NAME) FILE\n"
    "       etcd-operator snapshot upload   --store URL STORE FILE NAME\n"
    "       etcd-operator snapshot remove   --store URL STORE NAME\n"
    "       etcd-operator snapshot prune    --store URL STORE KEEP [--dry-run]\n"
    "                                       (--cluster NAMESPACE/NAME | --schedule UID)\n"
    "       etcd-operator snapshot abort    --store URL STORE --older-than DURATION [BEGINNING]\n"
    "\n"
    "save     takes a snapshot of one member, a healthy follower if there is one, and proves\n"
    "         it while it comes. A FILE or an object is there whole or not at all; a backup\n"
    "         in a store counts once the manifest NAME.json is beside it.\n"
    "verify   proves what save, `etcdctl snapshot save` or the operator made.\n"
    "decrypt  the same, and writes the plain snapshot, for `etcdutl snapshot restore`.\n"
    "list     shows what a store holds; or uploads under way or left behind.\n"
    "upload, download  copy files as they are; FILE may be -, for standard input and output.\n"
    "remove   a backup: the manifest, then the object. Good also when it is not there.\n"
    "prune    removes the backups of a cluster's schedule that KEEP does not keep.\n"
    "abort    ends uploads that were left behind.\n"
    "\n"
    "ETCD\n"
    "  --cacert FILE               whom to trust; without it the system's authorities.\n"
    "  --cert FILE, --key FILE     who we are.\n"
    "STORE\n";

static const char tail[] =
    "KEYS\n"
    "  --encryption-key-file FILE  32 random bytes: raw, in hex or in base64. To read, it\n"
    "                              may be given again: the one that fits is taken.\n"
    "KEEP                          (also of save: prunes once the backup is done)\n"
    "  --keep-last N               the newest N at most,\n"
    "  --keep-age DURATION         and none that is older, such as 720h;\n"
    "  --keep-daily N, --keep-weekly N, --keep-monthly N\n"
    "                              besides, the newest of each of so many days, weeks, months\n"
    "                              (UTC). The newest backup always stays.\n"
    "save\n"
    "  --output FILE               written as FILE.partial and then renamed.\n"
    "  --name NAME                 of the object, below the store's prefix.\n"
    "  --compress FORM             zstd, or none (the default).\n"
    "  --cluster NAMESPACE/NAME, --uid UID, --schedule UID\n"
    "                              go into the manifest. The same NAME is taken again only\n"
    "                              with the same UID, and is then reported as done.\n"
    "  --progress-address [IP]:PORT  serves GET /progress.\n"
    "All\n"
    "  --result-file FILE          gets the result, or the error, as JSON.\n"
    "  --format FORMAT             text (the default) or json.\n"
    "  --help                      shows this text.\n"
    "\n"
    "Exit code: 0 good, 1 failed and another try may help, 2 wrong usage, 3 the snapshot is\n"
    "not good or no key given fits it, 4 refused, and another try does not help.\n";

void command_usage(void)
{
    fputs(head, stdout);
    fputs(store_options_help, stdout);
    fputs(tail, stdout);
}
