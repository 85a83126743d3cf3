/* SPDX-License-Identifier: BSD-3-Clause */
/* Mutated TorchScript files through the shim's loader, each in a process of its own.
 *     torch_bytes SECONDS SEED KEEP FILE...     KEEP: a folder for what went wrong
 * SECONDS: the environment's COVSAMP_FUZZ_SECONDS, where it is set, counts instead.
 * Two kinds of mutation take turns.  "raw": any bytes change, and checksums in the file no longer
 * fit; such a file must be refused with a sentence, or be the same module still, since not every
 * byte of a zip archive means something, and whatever else happens is a failure here.  "signed":
 * bytes of a record change and its checksum is put right, as whoever makes such files can do:
 * libtorch then runs what it finds, and its deaths are counted and told, but prove only that a
 * TorchScript file is a program. */
#define _DEFAULT_SOURCE
#include <covsamp/torch.h>

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DIM (2 * 8 * 8) /* of the modules that tests/shim/make_modules.py writes */

enum { REFUSED, LOADED, BROKEN, DIED, SLOW, OUTCOMES };

typedef struct {
    unsigned char *bytes;
    size_t size;
} string;

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static string read_file(const char *path)
{
    string s = {NULL, 0};
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size > 0)
        s.bytes = malloc((size_t)size);
    if (s.bytes == NULL || fseek(file, 0, SEEK_SET) != 0 ||
        fread(s.bytes, 1, (size_t)size, file) != (size_t)size) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    s.size = (size_t)size;
    fclose(file);
    return s;
}

static void write_file(const char *folder, const char *name, int number, const string *s)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s-%d.pt", folder, name, number);
    FILE *file = fopen(path, "wb");
    if (file != NULL) {
        fwrite(s->bytes, 1, s->size, file);
        fclose(file);
    }
    fprintf(stderr, "kept as %s\n", path);
}

/* ---- mutations ---- */

static void change(unsigned char *bytes, size_t size)
{
    static const unsigned char telling[] = {0, 1, 0x7f, 0x80, 0xff, '.', '(', 'c', 'R', '\n'};
    for (uint64_t n = 1 + draw(6); n > 0; n--) {
        const size_t at = (size_t)draw(size), room = size - at;
        const size_t count = 1 + (size_t)draw(room < 64 ? room : 64);
        switch (draw(5)) {
        case 0:
            bytes[at] ^= (unsigned char)(1u << draw(8));
            break;
        case 1:
            bytes[at] = telling[draw(sizeof telling)];
            break;
        case 2:
            bytes[at] = (unsigned char)draw(256);
            break;
        case 3:
            memset(bytes + at, (int)draw(256), count);
            break;
        default:
            memmove(bytes + at, bytes + draw(size - count + 1), count);
        }
    }
}

/* Changes anywhere, half of them among the names and sizes at the end; now and then cuts it short.
 */
static void mutate_raw(string *s)
{
    const size_t tail = s->size < 4096 ? s->size : 4096;
    if (draw(8) == 0)
        s->size = 1 + (size_t)draw(s->size);
    else if (draw(2) == 0)
        change(s->bytes + s->size - tail, tail);
    else
        change(s->bytes, s->size);
}

static uint32_t get(const unsigned char *at, int bytes)
{
    uint32_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

static void put32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t crc32(const unsigned char *bytes, size_t size)
{
    uint32_t sum = ~UINT32_C(0);
    for (size_t i = 0; i < size; i++) {
        sum ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = (sum >> 1) ^ (sum & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~sum;
}

/* Changes a record that is not compressed (weights, pickles, short code) and signs it again: walks
 * the entries of the central directory, and takes the k-th that can be changed.  0: there is none.
 */
static int mutate_signed(string *s)
{
    const uint64_t wanted = draw(64);
    int found = 0;
    for (uint64_t turn = 0, k = 0; turn <= wanted; turn++) {
        found = 0;
        for (size_t at = 0; at + 46 <= s->size; at++) {
            if (memcmp(s->bytes + at, "PK\1\2", 4) != 0)
                continue;
            const size_t size = get(s->bytes + at + 24, 4), local = get(s->bytes + at + 42, 4);
            const size_t data = local + 30 <= s->size ? local + 30 + get(s->bytes + local + 26, 2) +
                                                            get(s->bytes + local + 28, 2)
                                                      : s->size;
            if (get(s->bytes + at + 10, 2) != 0 || size == 0 || size > 65536 || data >= s->size ||
                size > s->size - data)
                continue;
            found = 1;
            if (k++ != wanted)
                continue;
            change(s->bytes + data, size);
            put32(s->bytes + at + 16, crc32(s->bytes + data, size));
            put32(s->bytes + local + 14, get(s->bytes + at + 16, 4));
            return 1;
        }
        if (!found)
            return 0;
    }
    return found;
}

/* ---- one load ---- */

/* What a module answers, or why it does not; -1: it is none. */
static int32_t mean_of(const string *s, float mean[DIM])
{
    static char message[COVSAMP_MESSAGE_BYTES];
    static float x[DIM];
    covsamp_torch *module = NULL;
    covsamp_request q = {.size = sizeof q,
                         .kind = COVSAMP_ASK_MEAN,
                         .dtype = COVSAMP_F32,
                         .batch = 1,
                         .dim = DIM,
                         .stride = DIM,
                         .time = 3,
                         .x = x,
                         .mean = mean};
    memset(mean, 0, DIM * sizeof mean[0]);
    for (int i = 0; i < DIM; i++)
        x[i] = (float)(i % 7) / 4;
    int32_t status = covsamp_torch_load_memory(&module, s->bytes, s->size, NULL, message);
    if ((module != NULL) != (status == 0) || (message[0] != '\0') != (status != 0))
        _exit(BROKEN);
    if (module == NULL)
        return -1;
    status = covsamp_torch_answer(module, &q);
    covsamp_torch_free(module);
    return status == -1 ? 1 : status;
}

/* Changed bytes that are a module still must be the same module. */
static int load(const string *s, const string *original)
{
    static float mean[DIM], expected[DIM];
    const int32_t status = mean_of(s, mean);
    if (status == -1)
        return REFUSED;
    if (original != NULL &&
        (mean_of(original, expected) != status || memcmp(mean, expected, sizeof mean) != 0))
        return BROKEN;
    return LOADED;
}

static int try_one(const string *s, const string *original, int *how)
{
    int status;
    const struct rlimit seconds = {30, 40}, memory = {(rlim_t)8 << 30, (rlim_t)8 << 30},
                        none = {0, 0};
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CPU, &seconds);
        setrlimit(RLIMIT_AS, &memory);
        setrlimit(RLIMIT_CORE, &none);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(BROKEN);
        _exit(load(s, original));
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        exit(1);
    *how = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL ? SLOW : DIED;
    return WEXITSTATUS(status) < DIED ? WEXITSTATUS(status) : DIED;
}

static void count(const char *kind, const int *n)
{
    printf("%-6s %d refused with a sentence, %d still modules, %d against the rules, %d deaths, %d "
           "out "
           "of time\n",
           kind, n[REFUSED], n[LOADED], n[BROKEN], n[DIED], n[SLOW]);
}

int main(int argc, char **argv)
{
    int counts[2][OUTCOMES] = {{0}}, runs = 0;
    if (argc < 5)
        return 2;
    const char *seconds = getenv("COVSAMP_FUZZ_SECONDS");
    const time_t end = time(NULL) + atoi(seconds != NULL ? seconds : argv[1]);
    state = strtoull(argv[2], NULL, 10);
    for (; runs < 20 || time(NULL) < end; runs++) {
        int how, is_signed = runs % 2;
        const char *path = argv[4 + draw((uint64_t)argc - 4)];
        string s = read_file(path), original = read_file(path);
        if (runs < 2) /* the files themselves, first: what is not loaded as it is tests nothing */
            is_signed = 0;
        else if (!is_signed)
            mutate_raw(&s);
        else if (!mutate_signed(&s))
            is_signed = -1;
        if (is_signed >= 0) {
            const int outcome = try_one(&s, is_signed ? NULL : &original, &how);
            counts[is_signed][outcome]++;
            if (runs < 2 && outcome != LOADED) {
                printf("a file as it is was not loaded\n0 passed, 1 failed\n");
                return 1;
            }
            if (outcome == DIED)
                printf("%s: signal %d\n", is_signed ? "signed" : "raw", how);
            if (outcome >= BROKEN)
                write_file(argv[3], is_signed ? "signed" : "raw", runs, &s);
        }
        free(s.bytes);
        free(original.bytes);
    }
    count("raw", counts[0]);
    count("signed", counts[1]);
    const int bad = counts[0][BROKEN] + counts[0][DIED] + counts[0][SLOW] + counts[1][BROKEN];
    printf("%d passed, %d failed\n", runs - bad, bad);
    return bad == 0 ? 0 : 1;
}
