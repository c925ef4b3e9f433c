#include "rfc9162.h"

#include <string.h>

void rfc9162_init(struct rfc9162 *tree)
{
    tree->leaves = 0;
}

void rfc9162_start_leaf(struct sha256 *leaf)
{
    sha256_init(leaf);
    sha256_update(leaf, "\0", 1);
}

/* `right` becomes the parent of the two. */
static void join(const uint8_t left[SHA256_SIZE], uint8_t right[SHA256_SIZE])
{
    struct sha256 node;
    sha256_init(&node);
    sha256_update(&node, "\1", 1);
    sha256_update(&node, left, SHA256_SIZE);
    sha256_update(&node, right, SHA256_SIZE);
    sha256_final(&node, right);
}

void rfc9162_add_leaf(struct rfc9162 *tree, struct sha256 *leaf)
{
    uint8_t hash[SHA256_SIZE];
    unsigned level = 0;
    sha256_final(leaf, hash);
    for (; tree->leaves >> level & 1; level++)
        join(tree->nodes[level], hash);
    memcpy(tree->nodes[level], hash, SHA256_SIZE);
    tree->leaves++;
}

void rfc9162_root(const struct rfc9162 *tree, uint8_t root[SHA256_SIZE])
{
    unsigned level = 0;
    if (!tree->leaves) {
        sha256(NULL, 0, root);
        return;
    }
    while (!(tree->leaves >> level & 1))
        level++;
    memcpy(root, tree->nodes[level], SHA256_SIZE);
    while (++level < 64)
        if (tree->leaves >> level & 1)
            join(tree->nodes[level], root);
}
