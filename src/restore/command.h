/* `etcd-operator restore fetch|commit`: the steps of a restore that run in one-shot pods on a
 * member's volume, around `etcdutl snapshot restore`. */
#ifndef RESTORE_COMMAND_H
#define RESTORE_COMMAND_H 1

/* argv[0] is "restore". Writes to stdout, errors to stderr; returns the exit code that --help
 * documents. The process ends with it. */
int restore_command(int argc, char **argv);

#endif
