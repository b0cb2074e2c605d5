/* `etcd-operator snapshot ...`: backups without Kubernetes, for a person and for the Job that makes
 * one. */
#ifndef SNAPSHOT_COMMAND_H
#define SNAPSHOT_COMMAND_H 1

/* argv[0] is "snapshot". Writes to stdout, errors to stderr; returns the exit code that --help
 * documents. The process ends with it. */
int snapshot_command(int argc, char **argv);

#endif
