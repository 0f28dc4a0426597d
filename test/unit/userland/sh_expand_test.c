/*
 * sh_expand_test.c: words become the fields that a program gets.
 */
#include "sh_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

/* The fields of all words in the text, each in < >. */
static const char *
expand(const char *text)
{
    static char result[1024];
    struct arena arena = {0};
    struct list fields = {0};
    struct parser p;
    char command[512];
    const struct node *n;
    size_t len = 0;

    sh.jump = JUMP_NONE;
    snprintf(command, sizeof(command), "x %s", text);
    parser_init(&p, &arena, command, strlen(command));
    n = parse_command_line(&p);
    assert_non_null(n);
    result[0] = '\0';
    if (!expand_words(n->words->next, &fields))
        strcpy(result, "failed");
    else
        for (size_t i = 0; i < fields.n; i++)
            len += (size_t)snprintf(result + len, sizeof(result) - len, "<%s>", fields.v[i]);
    arena_free(&arena);
    return result;
}

static void
set(const char *name, const char *value)
{
    assert_true(var_set(name, strlen(name), value));
}

static void
quotes_come_off(void **state)
{
    (void)state;
    assert_string_equal(expand("a 'b  c' \"d  e\" f\\ g '' \"\""), "<a><b  c><d  e><f g><><>");
    assert_string_equal(expand("'$x' \\$x \"\\$x \\a\""), "<$x><$x><$x \\a>");
}

static void
variables_are_split_only_outside_quotes(void **state)
{
    (void)state;
    set("v", " a  b ");
    assert_string_equal(expand("$v \"$v\" x${v}y"), "<a><b>< a  b ><x><a><b><y>");
    set("v", "");
    assert_string_equal(expand("$v \"$v\" $unset"), "<>");
}

static void
ifs_decides_where_to_split(void **state)
{
    (void)state;
    set("IFS", ":");
    set("v", "a::b:c d");
    assert_string_equal(expand("$v"), "<a><><b><c d>");
    set("IFS", ", ");
    set("v", "a , b,c  d");
    assert_string_equal(expand("$v"), "<a><b><c><d>");
    set("IFS", "");
    assert_string_equal(expand("$v"), "<a , b,c  d>");
    set("IFS", " \t\n");
}

static void
parameters_stay_apart(void **state)
{
    static char *v[] = {(char *)"1", (char *)"2 3", NULL};

    (void)state;
    sh.params.v = v;
    sh.params.n = 2;
    assert_string_equal(
        expand("\"$@\" $# \"$*\" $2 a\"$@\"b"), "<1><2 3><2><1 2 3><2><3><a1><2 3b>");
    sh.params.n = 0;
    assert_string_equal(expand("\"$@\" \"\" \"$*\""), "<><>");
}

static void
braces_have_their_forms(void **state)
{
    (void)state;
    set("p", "/a/b.tar.gz");
    set("e", "");
    assert_string_equal(expand("${p#*/} ${p##*/} ${p%.*} ${p%%.*} ${#p}"),
        "<a/b.tar.gz><b.tar.gz></a/b.tar></a/b><11>");
    assert_string_equal(
        expand("${u:-d e} \"${u:-d e}\" ${e-x} ${e:-x} ${p:+y} ${e:+z}"), "<d><e><d e><x><y>");
    assert_string_equal(expand("${new:=set} $new"), "<set><set>");
    assert_string_equal(expand("${u?gone}"), "failed");
    assert_string_equal(last_message, "u: gone");
    assert_string_equal(expand("${p!x}"), "failed");
}

static void
arithmetic_is_c(void **state)
{
    (void)state;
    set("n", "5");
    assert_string_equal(
        expand("$((1 + 2 * 3)) $(( (1+2)*3 )) $((n*n)) $((-7/2)) $((7%3)) $((1<<4|1))"),
        "<7><9><25><-3><1><17>");
    assert_string_equal(
        expand("$((n > 3 && n < 9)) $((n ? 1 : 0)) $((n += 2)) $n $((0x10)) $((010))"),
        "<1><1><7><7><16><8>");
    assert_string_equal(expand("$((0 && 1/0)) $((1 || 1/0))"), "<0><1>");
    assert_string_equal(expand("$((1/0))"), "failed");
    assert_string_equal(expand("$((1+))"), "failed");
    assert_string_equal(expand("$((9223372036854775807 + 1)) $((-9223372036854775807 - 1))"),
        "<-9223372036854775808><-9223372036854775808>");
}

static void
file_names_match_unless_quoted(void **state)
{
    char dir[] = "/tmp/sh_expand_XXXXXX";
    char before[4096];

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(mkdir("a.d", 0700) | mkdir("b.d", 0700) | mkdir("c e.d", 0700), 0);
    assert_string_equal(expand("*.d [ab].d ?.d '*.d' \\*.d none* ["),
        "<a.d><b.d><c e.d><a.d><b.d><a.d><b.d><*.d><*.d><none*><[>");
    set("v", "*.d");
    assert_string_equal(expand("\"$v\" $v"), "<*.d><a.d><b.d><c e.d>");
    assert_int_equal(rmdir("a.d") | rmdir("b.d") | rmdir("c e.d"), 0);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void
a_pattern_keeps_quoted_characters_apart(void **state)
{
    (void)state;
    assert_string_equal(expand_pattern("a*'*'", 5), "a*\\*");
    assert_string_equal(expand_string("a*'*'", 5), "a**");
}

static void
tilde_is_home(void **state)
{
    (void)state;
    set("HOME", "/h o");
    assert_string_equal(expand("~ ~/x a~ '~'"), "</h o></h o/x><a~><~>");
}

static void
fields_survive_any_bytes(void **state)
{
    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        static const char alphabet[] = "a $\"'\\`(){}#%:-=+?*[]~1@!\n";
        char text[24];
        struct list fields = {0};
        struct word w = {.text = text};
        struct lexer lx;
        struct token t;

        w.len = (size_t)rand() % sizeof(text);
        for (size_t j = 0; j < w.len; j++)
            text[j] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
        if (memchr(text, '`', w.len) != NULL || memmem(text, w.len, "$(", 2) != NULL)
            continue; /* these would run programs */
        lx = (struct lexer){.at = text, .end = text + w.len};
        lex_next(&lx, &t);
        if (lx.error != NULL || t.kind != T_WORD)
            continue;
        w.text = t.text;
        w.len = t.len;
        sh.jump = JUMP_NONE;
        if (!expand_words(&w, &fields))
            assert_int_equal(sh.jump, JUMP_ABORT);
        arena_free(&sh.words);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_come_off),
        cmocka_unit_test(variables_are_split_only_outside_quotes),
        cmocka_unit_test(ifs_decides_where_to_split),
        cmocka_unit_test(parameters_stay_apart),
        cmocka_unit_test(braces_have_their_forms),
        cmocka_unit_test(arithmetic_is_c),
        cmocka_unit_test(file_names_match_unless_quoted),
        cmocka_unit_test(a_pattern_keeps_quoted_characters_apart),
        cmocka_unit_test(tilde_is_home),
        cmocka_unit_test(fields_survive_any_bytes),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
