/* SPDX-License-Identifier: BSD-3-Clause */
/* api/option.h: the look-ups behind the option table. */
#include "check.h"

#include "api/config.h"

static void lookups(void)
{
    for (int32_t i = 0; i < COVSAMP__OPTIONS; i++) {
        const covsamp_option *o = covsamp_option_info(i);
        if (!CHECK(o != NULL))
            return;
        CHECK(covsamp__option_index(o->key) == i);
        CHECK(covsamp__option_index_by_name(o->name) == i);
        char longer[64];
        snprintf(longer, sizeof longer, "%s_", o->name);
        CHECK(covsamp__option_index_by_name(longer) == -1);
        snprintf(longer, strlen(o->name), "%s", o->name); /* one letter short */
        CHECK(covsamp__option_index_by_name(longer) == -1);
    }
    CHECK(covsamp_option_info(COVSAMP__OPTIONS) == NULL); /* the table has no more */
    CHECK(covsamp__option_index(0) == -1 && covsamp__option_index(-1) == -1);
    CHECK(covsamp__option_index(INT32_MAX) == -1);
    CHECK(covsamp__option_index_by_name("") == -1);
}

static void choices(void)
{
    for (int32_t i = 0; i < COVSAMP__OPTIONS; i++) {
        const covsamp_option *o = covsamp_option_info(i);
        const char *name;
        int64_t value = -7, parsed = -8;
        char list[256] = "x";
        covsamp__option_choice_list(o->key, list, sizeof list);
        CHECK((list[0] != '\0') == (o->type == COVSAMP_TYPE_CHOICE));
        for (int32_t k = 0; (name = covsamp_option_choice(o->key, k, &value)) != NULL; k++) {
            CHECK(covsamp__option_parse_choice(o->key, name, &parsed) && parsed == value);
            CHECK(covsamp__option_choice_name(o->key, value) == name);
            CHECK_TEXT(list, name);
        }
        CHECK(!covsamp__option_parse_choice(o->key, "no such name", &parsed));
        CHECK(!covsamp__option_parse_choice(o->key, "", &parsed));
        CHECK(covsamp__option_choice_name(o->key, INT64_MIN) == NULL);
    }
    int64_t value;
    CHECK(!covsamp__option_parse_choice(COVSAMP_DTYPE, "krylov", &value)); /* another option's */
    CHECK(covsamp__option_choice_name(COVSAMP_COVARIANCE, 2) != NULL);
}

/* A list that does not fit is cut, never written past its end. */
static void short_lists(void)
{
    for (size_t bytes = 1; bytes < 80; bytes++) {
        char text[100], whole[100];
        memset(text, 'z', sizeof text);
        covsamp__option_choice_list(COVSAMP_PREDICTION, whole, sizeof whole);
        covsamp__option_choice_list(COVSAMP_PREDICTION, text, bytes);
        CHECK(memchr(text, '\0', bytes) != NULL);
        CHECK(strncmp(text, whole, strlen(text)) == 0);
        for (size_t i = bytes; i < sizeof text; i++)
            CHECK(text[i] == 'z');
    }
}

/* Every key that the library reads is in the table with the type that it is read as. */
static void values(void)
{
    covsamp_config *c = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    for (int32_t i = 0; i < COVSAMP__OPTIONS; i++) {
        const covsamp_option *o = covsamp_option_info(i);
        if (o->type == COVSAMP_TYPE_REAL)
            CHECK(covsamp__config_real(c, o->key) == o->real_default);
        else
            CHECK(covsamp__config_int(c, o->key) == o->int_default);
    }
    covsamp_config_free(c);
}

int main(void)
{
    lookups();
    choices();
    short_lists();
    values();
    return check_done();
}
