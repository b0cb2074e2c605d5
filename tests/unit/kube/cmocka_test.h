/* cmocka with the headers that it wants before it. */
#ifndef TESTS_KUBE_CMOCKA_TEST_H
#define TESTS_KUBE_CMOCKA_TEST_H 1

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
