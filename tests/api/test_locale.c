/* SPDX-License-Identifier: BSD-3-Clause */
/* Under a locale with a decimal comma everything prints and parses as it does under "C". */
#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include <locale.h>
#include <unistd.h>

static int has_comma(void)
{
    char text[16];
    snprintf(text, sizeof text, "%.1f", 0.5);
    return strcmp(text, "0,5") == 0;
}

/* A locale with a decimal comma: one that is installed, or one made in a folder of its own. */
static int use_comma_locale(char *folder)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "de_DE",      "fr_FR.UTF-8",
                                        "nl_NL.UTF-8", "it_IT.UTF-8", "de_AT.UTF-8"};
    char command[200];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (setlocale(LC_ALL, names[i]) != NULL && has_comma())
            return 1;
    if (mkdtemp(folder) == NULL)
        return 0;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1",
             folder, folder);
    if (system(command) != 0 || setenv("LOCPATH", folder, 1) != 0)
        return 0;
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL && has_comma();
}

static void remove_folder(const char *folder)
{
    char command[100];
    if (strchr(folder, 'X') == NULL) {
        snprintf(command, sizeof command, "rm -r %s", folder);
        CHECK(system(command) == 0);
    }
}

/* Everything that the library writes about numbers, in one text to be freed. */
static char *transcript(void)
{
    static const double values[] = {0.5, 1.0 / 3, 1e-5, 5e-324, 1e300, -0.5, 123456.75, NAN};
    char *all = calloc(1, 40000), message[COVSAMP_MESSAGE_BYTES], text[64];
    covsamp_config *c = fresh();
    covsamp_schedule *s = NULL;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        for (int32_t key = COVSAMP_ETA; key <= COVSAMP_CLIP_X0; key++) {
            covsamp_config_set_real(c, key, values[i]);
            strcat(strcat(all, covsamp_config_message(c)), "\n");
            CHECK(covsamp_config_get_text(c, key, text, sizeof text) == COVSAMP_OK);
            strcat(strcat(all, text), "\n");
        }
        covsamp_schedule_new_linear(&s, 1000, values[i], 2.5, NULL, message);
        strcat(strcat(all, message), "\n");
        covsamp_schedule_free(s);
        covsamp_schedule_new_karras(&s, 10, -values[i], 0.25, 7, NULL, message);
        strcat(strcat(all, message), "\n");
        covsamp_schedule_free(s);
    }
    covsamp_config_set_int(c, COVSAMP_KRYLOV_STEPS, 1234567);
    strcat(all, covsamp_config_message(c));
    covsamp_config_set_by_name(c, "eta", "1234567.5");
    strcat(all, covsamp_config_message(c));
    covsamp_config_free(c);
    return all;
}

int main(void)
{
    char folder[] = "/tmp/covsamp-locale-XXXXXX";
    char *plain = transcript();
    CHECK(strlen(plain) > 1000);
    if (use_comma_locale(folder)) {
        everything();
        char *comma = transcript();
        CHECK(strcmp(plain, comma) == 0);
        CHECK(has_comma()); /* the library left the locale alone */
        free(comma);
        remove_folder(folder);
        free(plain);
        return check_done();
    }
    remove_folder(folder);
    free(plain);
    printf("skipped: comma locale (none installed, and localedef made none)\n");
    printf("%d passed, %d failed, 1 skipped\n", check_passed, check_failed);
    return check_failed != 0;
}
