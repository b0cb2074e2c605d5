/* crd-gen: prints what is generated from the field tables.  Runs at build time only. */
#include <stdio.h>
#include <string.h>

#include "api/etcdcluster.h"
#include "base/buffer.h"

static const char usage[] =
    "Usage: crd-gen crd | reference\n"
    "\n"
    "crd        prints the CustomResourceDefinition of EtcdCluster as YAML.\n"
    "reference  prints the API reference as Markdown.\n";

int main(int argc, char **argv)
{
    AUTO_BUFFER struct buffer out = {0};
    const char *what = argc == 2 ? argv[1] : "";

    if (!strcmp(what, "crd")) {
        api_crd_yaml(&etcdcluster_kind, &out);
    } else if (!strcmp(what, "reference")) {
        buffer_printf(&out,
                      "# API reference\n\n"
                      "Generated from the field tables in src/api by crd-gen; do not edit.\n\n"
                      "A duration is Go's text (`250ms`, `10s`, `1h30m`), a quantity "
                      "Kubernetes' (`100m`, `8Gi`).\n\n");
        api_reference(&etcdcluster_kind, &out);
    } else {
        fputs(usage, stderr);
        return 2;
    }
    return fwrite(out.data, 1, out.size, stdout) == out.size && !fflush(stdout) ? 0 : 1;
}
