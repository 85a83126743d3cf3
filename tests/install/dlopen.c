/* SPDX-License-Identifier: BSD-3-Clause */
/* dlopen of the core must bring in no C++ runtime and no libtorch: looks at what is mapped
 * afterwards. dlopen libcovsamp.so.0 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    static const char *const unwanted[] = {"libstdc++", "libc++", "libtorch", "libc10", "python"};
    char line[4096];
    int found = 0, core = 0;
    void *library = dlopen(argc > 1 ? argv[1] : "libcovsamp.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        printf("%s\n0 passed, 1 failed\n", dlerror());
        return 1;
    }
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        core |= strstr(line, "libcovsamp.so") != NULL;
        for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
            if (strstr(line, unwanted[i]) != NULL) {
                found++;
                printf("mapped: %s", line);
            }
    }
    const int works = dlsym(library, "covsamp_version_number") != NULL;
    if (maps != NULL)
        fclose(maps);
    dlclose(library);
    const int failed = !core + !works + (found > 0);
    printf("%d passed, %d failed\n", 3 - failed, failed);
    return failed > 0;
}
