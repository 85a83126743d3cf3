// SPDX-License-Identifier: BSD-3-Clause
// Memory in the shim: the k-th operator new that the shim itself calls throws, for every k, while
// modules are loaded, told their labels and asked.  (libtorch's own calls are let through: what it
// does without memory is its own matter.)  The call says E_NOMEM, nothing is lost, and the same
// call again gives what it gives undisturbed, bit for bit.
#include "sampling.h"

#include <atomic>
#include <cstdint>
#include <dlfcn.h>
#include <link.h>
#include <new>

// ---- operator new and delete of the whole program ----

namespace
{

uintptr_t text_begin, text_end;        // of the shim's code
long fail_at;                          // 0: never
std::atomic<long> calls, failed, live; // by the shim; thrown; blocks of its that are not given back
bool armed;

// In front of every block.
struct Header {
    void *base;
    uintptr_t own; // by the shim, while that was counted
};

void *take(size_t bytes, size_t align, void *caller)
{
    const uintptr_t at = reinterpret_cast<uintptr_t>(caller);
    const bool own = armed && at >= text_begin && at < text_end;
    if (own && ++calls == fail_at) {
        failed++;
        return nullptr;
    }
    const size_t room = align > sizeof(Header) ? align : sizeof(Header);
    void *base = align == 0 ? malloc(room + bytes)
                            : aligned_alloc(align, (room + bytes + align - 1) / align * align);
    if (base == nullptr)
        return nullptr;
    char *p = static_cast<char *>(base) + room;
    const Header header = {base, own};
    memcpy(p - sizeof header, &header, sizeof header);
    live += own;
    return p;
}

void *take_or_throw(size_t bytes, size_t align, void *caller)
{
    void *p = take(bytes > 0 ? bytes : 1, align, caller);
    if (p == nullptr)
        throw std::bad_alloc();
    return p;
}

void give(void *p)
{
    Header header;
    if (p == nullptr)
        return;
    memcpy(&header, static_cast<char *>(p) - sizeof header, sizeof header);
    live -= static_cast<long>(header.own);
    free(header.base);
}

int find_text(dl_phdr_info *info, size_t, void *)
{
    if (strstr(info->dlpi_name, "libcovsamp-torch") == nullptr)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
            text_begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            text_end = text_begin + info->dlpi_phdr[i].p_memsz;
        }
    return 1;
}

} // namespace

#define CALLER __builtin_return_address(0)
void *operator new(size_t n)
{
    return take_or_throw(n, 0, CALLER);
}
void *operator new[](size_t n)
{
    return take_or_throw(n, 0, CALLER);
}
void *operator new(size_t n, const std::nothrow_t &) noexcept
{
    return take(n, 0, CALLER);
}
void *operator new[](size_t n, const std::nothrow_t &) noexcept
{
    return take(n, 0, CALLER);
}
void *operator new(size_t n, std::align_val_t a)
{
    return take_or_throw(n, static_cast<size_t>(a), CALLER);
}
void *operator new[](size_t n, std::align_val_t a)
{
    return take_or_throw(n, static_cast<size_t>(a), CALLER);
}
void operator delete(void *p) noexcept
{
    give(p);
}
void operator delete[](void *p) noexcept
{
    give(p);
}
void operator delete(void *p, size_t) noexcept
{
    give(p);
}
void operator delete[](void *p, size_t) noexcept
{
    give(p);
}
void operator delete(void *p, std::align_val_t) noexcept
{
    give(p);
}
void operator delete[](void *p, std::align_val_t) noexcept
{
    give(p);
}
void operator delete(void *p, size_t, std::align_val_t) noexcept
{
    give(p);
}
void operator delete[](void *p, size_t, std::align_val_t) noexcept
{
    give(p);
}
void operator delete(void *p, const std::nothrow_t &) noexcept
{
    give(p);
}
void operator delete[](void *p, const std::nothrow_t &) noexcept
{
    give(p);
}

// ---- what is done without memory ----

namespace
{

long injected, survived;
const char *network = "raising-narrow.pt"; // a small one; with --long a UNet

// Runs `call` with its k-th allocation failing, for every k; call() says whether what came out is
// right, with the failure (which it may have got over by itself) or without.
template <class Call> void every_allocation(const char *what, Call call)
{
    long before = failed, k = 0;
    fail_at = 0;
    CHECK(call()); // tables that are made once are there then
    for (bool reached = true; reached && k < 20000;) {
        const long thrown = failed, blocks = live;
        calls = 0;
        fail_at = ++k;
        const bool right = call();
        reached = failed > thrown;
        injected += reached;
        survived += reached && right;
        if (!CHECK(right))
            fprintf(stderr, "    %s, allocation %ld\n", what, k);
        if (!CHECK(live <= blocks))
            fprintf(stderr, "    %s, allocation %ld: %ld blocks lost\n", what, k,
                    live.load() - blocks);
    }
    fail_at = 0;
    printf("%-36s %6ld allocations failed\n", what, failed.load() - before);
    CHECK(k > 1 && k < 20000);
}

// What a door may say: nothing, or that there is no memory, in one sentence.
bool told(int32_t status, const char *message)
{
    return status == COVSAMP_OK ||
           (status == COVSAMP_E_NOMEM && strstr(message, ": not enough memory") != nullptr);
}

void loading(const char *what, int32_t engine)
{
    every_allocation(what, [&] {
        char message[COVSAMP_MESSAGE_BYTES] = "";
        covsamp_torch_options options = options_of(COVSAMP_F32, engine);
        covsamp_torch *module = nullptr;
        const int32_t status = covsamp_torch_load(&module, module_path(network), &options, message);
        const bool right = told(status, message) && (module != nullptr) == (status == COVSAMP_OK);
        covsamp_torch_free(module);
        return right;
    });
}

void loading_others()
{
    every_allocation("loading a classifier", [] {
        char message[COVSAMP_MESSAGE_BYTES] = "";
        covsamp_torch_options options = options_of(COVSAMP_F32, COVSAMP_TORCH_AUTO);
        covsamp_torch_classifier *made = nullptr;
        const int32_t status =
            covsamp_torch_classifier_load(&made, module_path("never.pt"), &options, message);
        covsamp_torch_classifier_free(made);
        return told(status, message) && (made != nullptr) == (status == COVSAMP_OK);
    });
    every_allocation("loading a decoder", [] {
        char message[COVSAMP_MESSAGE_BYTES] = "";
        covsamp_torch_options options = options_of(COVSAMP_F32, COVSAMP_TORCH_AUTO);
        covsamp_torch_decoder *made = nullptr;
        const int32_t status =
            covsamp_torch_decoder_load(&made, module_path("one-argument.pt"), &options, message);
        covsamp_torch_decoder_free(made);
        return told(status, message) && (made != nullptr) == (status == COVSAMP_OK);
    });
}

// Two steps: what is kept is made in the first, the second needs no more than any later one.
covsamp_status advance(covsamp_sampler *sampler, const covsamp_model *model)
{
    const covsamp_status status = covsamp_sampler_step(sampler, model);
    return status == COVSAMP_OK ? covsamp_sampler_step(sampler, model) : status;
}

// The answers of one handle through them.
void answering(const char *what, int32_t engine, const char *const *options)
{
    static float expected[BATCH * DIM], result[BATCH * DIM];
    static const int64_t labels[3] = {0, 0, 0}; // at which call it raises: never
    covsamp_torch *module = load(network, COVSAMP_F32, engine);
    covsamp_sampler *sampler = sampler_with(4, options);
    const covsamp_model model = model_of(module);
    for (int32_t branch = 0; branch < 2; branch++)
        CHECK(covsamp_torch_set_labels(module, branch, labels, 3) == COVSAMP_OK);
    CHECK(advance(sampler, &model) >= COVSAMP_OK);
    result_of(sampler, expected);
    every_allocation(what, [&] {
        bool right = covsamp_sampler_restart(sampler, 4, 0) == COVSAMP_OK;
        const int32_t status = covsamp_torch_set_labels(module, 0, labels, 3);
        right &= told(status, covsamp_torch_message(module));
        covsamp_status run = advance(sampler, &model);
        if (run == COVSAMP_E_MODEL) {
            right &= covsamp_sampler_answer(sampler) == COVSAMP_E_NOMEM &&
                     told(COVSAMP_E_NOMEM, covsamp_torch_message(module)) &&
                     covsamp_sampler_restart(sampler, 4, 0) == COVSAMP_OK;
            run = advance(sampler, &model);
        }
        result_of(sampler, result);
        return right && run >= COVSAMP_OK && memcmp(result, expected, sizeof result) == 0;
    });
    covsamp_sampler_free(sampler);
    covsamp_torch_free(module);
}

} // namespace

int main(int argc, char **argv)
{
    static const char *const transposed[] = {"symmetrise", "average", nullptr};
    static const char *const branches[] = {"cfg", "1.5", "branches", "2", nullptr};
    module_folder = argc > 1 ? argv[1] : ".";
    if (argc > 2 && strcmp(argv[2], "--long") == 0)
        network = "labels.pt";
    dl_iterate_phdr(find_text, nullptr);
    if (text_begin == 0) { // linked statically, it cannot be told from libtorch
        printf("skipped: the shim is no shared library\n0 passed, 0 failed, 1 skipped\n");
        return 77;
    }
    armed = true;
    loading("loading, auto", COVSAMP_TORCH_AUTO);
    loading("loading, dual", COVSAMP_TORCH_DUAL);
    loading_others();
    answering("linearised", COVSAMP_TORCH_LINEARISED, nullptr);
    answering("linearised, transposed products", COVSAMP_TORCH_LINEARISED, transposed);
    answering("linearised, both branches", COVSAMP_TORCH_LINEARISED, branches);
    answering("dual", COVSAMP_TORCH_DUAL, nullptr);
    answering("double backward", COVSAMP_TORCH_DOUBLE_BACKWARD, nullptr);
    printf("allocations in the shim: %ld failed, %ld survived\n", injected, survived);
    CHECK(injected > 100 && injected == survived);
    return check_done();
}
