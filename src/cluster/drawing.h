/* The children of the clusters that had a pass last, as they were drawn then, with all that they
 * were drawn from: as long as that is the same, objects.c need not draw and hash them again.  A
 * pass takes its cluster's drawing out and gives it back, so it has it for itself.  Any thread. */
#ifndef CLUSTER_DRAWING_H
#define CLUSTER_DRAWING_H 1

#include "cluster/objects.h"

struct drawing {
    struct drawing *next;
    struct arena *arena; /* Holds all that is below, and the drawing. */
    /* What they were drawn from, beside the version, the image and the like in `children`. */
    const char *uid; /* Stands for the cluster's name and namespace too. */
    json_t *spec;
    const char *operator_image;
    bool helper_image_volume;
    int64_t generation; /* Of the bootstrap. */
    /* Shared by passes: nobody may change the objects. The StatefulSet is without claim templates.
     */
    struct children children;
    /* The live object of each child in which no difference was found last, a reference. */
    json_t *agreed[MAX_CHILDREN];
};

/* With its arena. NULL is allowed. */
void drawing_free(void *drawing);

/* This very live object has been compared with that child already, and nothing differed: nobody
 * changes what a store gave. `drawing` may be NULL: nothing is remembered. */
bool drawing_agrees(const struct drawing *drawing, int child, const json_t *live);
void drawing_note_agreement(struct drawing *drawing, int child, json_t *live);

struct drawings;

struct drawings *drawings_new(void);
void drawings_free(struct drawings *drawings);
/* NULL: there is none. */
struct drawing *drawings_take(struct drawings *drawings, const char *uid);
/* Takes it over; the one that was given back longest ago goes. NULL is allowed. */
void drawings_give(struct drawings *drawings, struct drawing *drawing);

#endif
