#include "blockhash.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

#define CHUNK ((size_t)BLOCKHASH_CHUNK_BLOCKS * BLOCK_SIZE)
#define MAX_THREADS 32

struct job {
    const struct block_source *source;
    block_sink *sink;
    void *context;
    uint8_t zero_digest[SHA256_SIZE]; /* of a block of zeros */
    uint64_t chunks;
    atomic_uint_least64_t next; /* first chunk that no thread has taken */
    atomic_bool stop;
    pthread_mutex_t lock; /* over the two below */
    uint64_t failed_chunk;
    int result;
};

/* Whether [start, start + size) of the file is a hole. A file system that cannot tell has no holes. */
static bool is_hole(int fd, uint64_t start, size_t size)
{
    off_t data = lseek(fd, (off_t)start, SEEK_DATA);
    return data < 0 ? errno == ENXIO : (uint64_t)data >= start + size;
}

/* Put `size` bytes of the source into `buffer`, or find that they are a hole: 1. */
static int fetch(const struct block_source *source, uint64_t at, size_t size, uint8_t *buffer)
{
    if (source->data) {
        memcpy(buffer, source->data + at, size);
        return 0;
    }
    if (is_hole(source->fd, source->offset + at, size))
        return 1;
    ssize_t count = pread_full(source->fd, buffer, size, source->offset + at);
    if (count < 0)
        return (int)count;
    return (size_t)count == size ? 0 : -ENODATA;
}

static int hash_chunk(struct job *job, uint64_t chunk, uint8_t *buffer)
{
    const struct block_source *source = job->source;
    uint8_t digests[BLOCKHASH_CHUNK_BLOCKS * SHA256_SIZE];
    uint64_t at = chunk * CHUNK;
    size_t size = source->length - at < CHUNK ? (size_t)(source->length - at) : CHUNK;
    size_t blocks = (size + BLOCK_SIZE - 1) / BLOCK_SIZE;
    const uint8_t *data = buffer;
    int hole = 0;

    if (source->data && size % BLOCK_SIZE == 0)
        data = source->data + at;
    else
        hole = fetch(source, at, size, buffer);
    if (hole < 0)
        return hole;
    if (hole) {
        for (size_t i = 0; i < blocks; i++)
            memcpy(digests + i * SHA256_SIZE, job->zero_digest, SHA256_SIZE);
    } else {
        if (data == buffer)
            memset(buffer + size, 0, blocks * BLOCK_SIZE - size);
        sha256_blocks(data, blocks, digests);
    }
    return job->sink(job->context, chunk * BLOCKHASH_CHUNK_BLOCKS, blocks, digests);
}

static void fail(struct job *job, uint64_t chunk, int result)
{
    pthread_mutex_lock(&job->lock);
    if (!job->result || chunk < job->failed_chunk) {
        job->failed_chunk = chunk;
        job->result = result;
    }
    pthread_mutex_unlock(&job->lock);
    atomic_store(&job->stop, true);
}

/* Chunks are taken in order and always finished, so the first failure of all is among those reported. */
static void *work(void *argument)
{
    struct job *job = argument;
    uint8_t *buffer = aligned_alloc(64, CHUNK);
    if (!buffer) {
        fail(job, 0, -ENOMEM);
        return NULL;
    }
    while (!atomic_load(&job->stop)) {
        uint64_t chunk = atomic_fetch_add(&job->next, 1);
        if (chunk >= job->chunks)
            break;
        int result = hash_chunk(job, chunk, buffer);
        if (result)
            fail(job, chunk, result);
    }
    free(buffer);
    return NULL;
}

static unsigned processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

/* The calling thread works too, so it does not matter if others cannot be started. */
static void run(struct job *job, unsigned threads)
{
    pthread_t others[MAX_THREADS];
    unsigned started = 0, wanted = threads ? threads : processors();
    if (wanted > MAX_THREADS)
        wanted = MAX_THREADS;
    while (started + 1 < wanted && started + 1 < job->chunks &&
           pthread_create(&others[started], NULL, work, job) == 0)
        started++;
    work(job);
    while (started)
        pthread_join(others[--started], NULL);
}

static int check_length(const struct block_source *source)
{
    struct stat status;
    if (fstat(source->fd, &status))
        return -errno;
    uint64_t size = (uint64_t)status.st_size;
    return source->offset <= size && source->length <= size - source->offset ? 0 : -ENODATA;
}

int hash_blocks(const struct block_source *source, unsigned threads, block_sink *sink, void *context)
{
    static const uint8_t zeros[BLOCK_SIZE];
    struct job job = {.source = source, .sink = sink, .context = context, .lock = PTHREAD_MUTEX_INITIALIZER};
    off_t position = 0;
    if (!source->data) {
        int result = check_length(source);
        if (result)
            return result;
        position = lseek(source->fd, 0, SEEK_CUR);
    }
    sha256(zeros, sizeof zeros, job.zero_digest);
    job.chunks = source->length / CHUNK + (source->length % CHUNK != 0);
    run(&job, threads);
    if (!source->data && position >= 0)
        lseek(source->fd, position, SEEK_SET); /* is_hole has moved it */
    return job.result;
}
