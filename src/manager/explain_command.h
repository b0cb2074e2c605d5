/* `etcd-operator explain`: a dry pass over one cluster. It observes as a reconcile pass does,
 * plans, and shows both; it never acts. */
#ifndef MANAGER_EXPLAIN_COMMAND_H
#define MANAGER_EXPLAIN_COMMAND_H 1

/* argv[0] is "explain". Writes to stdout, errors to stderr; returns the exit code that --help
 * documents. */
int explain_command(int argc, char **argv);

#endif
