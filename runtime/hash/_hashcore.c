/* olos._hashcore: the SHA-256 of every 4096-byte block, and the tree root of an image, for olos/hashcore.py,
   which documents it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <string.h>

#include "../common/blockhash.h"
#include "../common/rootfs.h"

static int keep(void *context, uint64_t first, size_t count, const uint8_t *digests)
{
    memcpy((uint8_t *)context + first * SHA256_SIZE, digests, count * SHA256_SIZE);
    return 0;
}

/* Hash with the GIL released. Returns new bytes, or NULL with an exception set. */
static PyObject *hash(const struct block_source *source, unsigned threads)
{
    uint64_t blocks = source->length / BLOCK_SIZE + (source->length % BLOCK_SIZE != 0);
    if (blocks > PY_SSIZE_T_MAX / SHA256_SIZE)
        return PyErr_NoMemory();
    PyObject *digests = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(blocks * SHA256_SIZE));
    if (!digests)
        return NULL;
    void *to = PyBytes_AsString(digests);
    int result;
    Py_BEGIN_ALLOW_THREADS
    result = hash_blocks(source, threads, keep, to);
    Py_END_ALLOW_THREADS
    if (!result)
        return digests;
    Py_DECREF(digests);
    errno = -result;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static PyObject *block_hashes(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"data", "threads", NULL};
    Py_buffer view;
    unsigned threads = 0;
    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "y*|I", names, &view, &threads))
        return NULL;
    static const uint8_t nothing[1];
    struct block_source source = {.data = view.buf ? view.buf : nothing, .fd = -1, .length = (uint64_t)view.len};
    PyObject *digests = hash(&source, threads);
    PyBuffer_Release(&view);
    return digests;
}

static PyObject *file_block_hashes(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"fd", "offset", "length", "threads", NULL};
    int fd;
    long long offset, length;
    unsigned threads = 0;
    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "iLL|I", names, &fd, &offset, &length, &threads))
        return NULL;
    if (offset < 0 || length < 0) {
        PyErr_SetString(PyExc_ValueError, "offset and length must not be negative");
        return NULL;
    }
    struct block_source source = {.fd = fd, .offset = (uint64_t)offset, .length = (uint64_t)length};
    return hash(&source, threads);
}

static const char *const ways[] = {[SHA256_NI] = "sha-ni", [SHA256_AVX2] = "avx2", [SHA256_PLAIN] = "plain"};
#define WAYS (sizeof ways / sizeof *ways)

/* Names of the ways to hash that this processor has, the best first. */
static PyObject *implementations(PyObject *self, PyObject *nothing)
{
    (void)self, (void)nothing;
    PyObject *names = PyList_New(0);
    for (size_t i = 0; names && i < WAYS; i++) {
        PyObject *name = sha256_available((enum sha256_way)i) ? PyUnicode_FromString(ways[i]) : NULL;
        if (name && PyList_Append(names, name))
            Py_CLEAR(names);
        Py_XDECREF(name);
        if (PyErr_Occurred())
            Py_CLEAR(names);
    }
    return names;
}

/* The digests of whole blocks in the way of that name, for tests. */
static PyObject *block_hashes_by(PyObject *self, PyObject *args)
{
    Py_buffer view;
    const char *name;
    PyObject *digests = NULL;
    size_t way = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "sy*", &name, &view))
        return NULL;
    while (way < WAYS && (strcmp(ways[way], name) != 0 || !sha256_available((enum sha256_way)way)))
        way++;
    if (way == WAYS || view.len % BLOCK_SIZE)
        PyErr_SetString(PyExc_ValueError, "no way to hash that this processor has, or no whole blocks");
    else
        digests = PyBytes_FromStringAndSize(NULL, view.len / BLOCK_SIZE * SHA256_SIZE);
    if (digests)
        sha256_blocks_by((enum sha256_way)way, view.buf, (size_t)view.len / BLOCK_SIZE,
                         (uint8_t *)PyBytes_AsString(digests));
    PyBuffer_Release(&view);
    return digests;
}

struct report {
    PyThreadState *thread; /* while the GIL is released */
    PyObject *callable;
};

/* Takes the GIL to tell Python how far it is; signals are acted on at that time too. */
static int report_entries(void *context, uint64_t entries, struct olos_error *error)
{
    struct report *report = context;
    PyEval_RestoreThread(report->thread);
    PyObject *result = PyObject_CallFunction(report->callable, "K", (unsigned long long)entries);
    bool go_on = result && PyErr_CheckSignals() == 0;
    Py_XDECREF(result);
    report->thread = PyEval_SaveThread();
    return go_on ? 0 : olos_fail(error, OLOS_FAILED, "stopped");
}

static PyObject *tree_root(PyObject *self, PyObject *args)
{
    unsigned long long offset, size, image_size;
    struct olos_file file = {.name = "rootfs.img"};
    struct rootfs_roots roots;
    struct olos_error error;
    struct report report;
    int result;
    (void)self;
    if (!PyArg_ParseTuple(args, "iKKKO", &file.fd, &offset, &size, &image_size, &report.callable))
        return NULL;
    file.offset = offset;
    file.size = size;
    report.thread = PyEval_SaveThread();
    result = rootfs_tree(&file, image_size, report_entries, &report, &roots, &error);
    PyEval_RestoreThread(report.thread);
    if (!result)
        return Py_BuildValue("(y#K)", (const char *)roots.tree_root, (Py_ssize_t)sizeof roots.tree_root,
                             (unsigned long long)roots.entries);
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, error.text);
    return NULL;
}

static PyMethodDef methods[] = {
    {"block_hashes", (PyCFunction)(void (*)(void))block_hashes, METH_VARARGS | METH_KEYWORDS, NULL},
    {"block_hashes_by", block_hashes_by, METH_VARARGS, NULL},
    {"file_block_hashes", (PyCFunction)(void (*)(void))file_block_hashes, METH_VARARGS | METH_KEYWORDS, NULL},
    {"implementations", implementations, METH_NOARGS, NULL},
    {"tree_root", tree_root, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "_hashcore", .m_size = 0, .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__hashcore(void);

PyMODINIT_FUNC PyInit__hashcore(void)
{
    return PyModuleDef_Init(&module);
}
