/* `etcd-operator snapshot save|verify|decrypt`: snapshots for a person, without Kubernetes. */
#ifndef SNAPSHOT_COMMAND_H
#define SNAPSHOT_COMMAND_H 1

/* argv[0] is "snapshot". Writes to stdout, errors to stderr; returns the exit code that --help
 * documents. The process ends with it. */
int snapshot_command(int argc, char **argv);

#endif
