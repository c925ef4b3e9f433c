/* A walk over all entries of an EROFS image in bytewise path order.

   The walk follows the placement rule step by step: every inode must lie where the writer would have put it,
   and its data blocks right behind those of the inode before it. So no inode is visited twice, nothing
   overlaps and nothing lies unused. */
#pragma once

#include "erofs.h"

struct erofs_entry {
    const char *path; /* without leading slash; the root's is empty */
    size_t path_length;
    const char *link; /* first name of the hard link group; length 0 if the inode has one name */
    size_t link_length;
    const struct erofs_inode *inode;
};

/* Called for every entry. Returns 0, or -1 with `error` filled in, which ends the walk. */
typedef int erofs_visit(void *context, const struct erofs_entry *entry, struct olos_error *error);

/* Visit all entries and check that nothing is left over. Memory grows with the number of directories and
   hard links only. Returns 0, or -1 with `error` filled in. */
int erofs_walk(const struct erofs *fs, erofs_visit *visit, void *context, struct olos_error *error);
