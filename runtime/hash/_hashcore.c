/* olos._hashcore: the SHA-256 of every 4096-byte block, for olos/hashcore.py, which documents it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <string.h>

#include "../common/blockhash.h"

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

static PyMethodDef methods[] = {
    {"block_hashes", (PyCFunction)(void (*)(void))block_hashes, METH_VARARGS | METH_KEYWORDS, NULL},
    {"file_block_hashes", (PyCFunction)(void (*)(void))file_block_hashes, METH_VARARGS | METH_KEYWORDS, NULL},
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
