/*
 * sh_parse_test.c: text becomes the right tree, and wrong text the right message.
 */
#include "sh_fixture.h"

/* Writes the tree as one line, so that a test reads like the grammar. */
static void
show(struct str *out, const struct node *n)
{
    static const char *const names[] = {
        "simple",
        "pipe",
        "and",
        "or",
        "list",
        "bg",
        "not",
        "if",
        "while",
        "until",
        "for",
        "case",
        "item",
        "group",
        "sub",
        "func",
    };

    if (n == NULL)
        return;
    str_putc(out, '(');
    str_puts(out, names[n->kind]);
    for (const struct word *w = n->assigns; w != NULL; w = w->next) {
        str_puts(out, " =");
        str_put(out, w->text, w->len);
    }
    for (const struct word *w = n->words; w != NULL; w = w->next) {
        str_putc(out, ' ');
        str_put(out, w->text, w->len);
    }
    for (const struct redir *r = n->redirs; r != NULL; r = r->next) {
        str_puts(out, " >");
        str_put_number(out, r->fd);
        str_put(out, r->target.text, r->target.len);
    }
    for (const struct node *c = n->a; c != NULL; c = c->next)
        show(out, c);
    show(out, n->b);
    show(out, n->c);
    str_putc(out, ')');
}

static void
expect_tree(const char *text, const char *tree)
{
    struct arena arena = {0};
    struct parser p;
    struct str out = {0};
    const struct node *n;

    parser_init(&p, &arena, text, strlen(text));
    n = parse_command_line(&p);
    if (n == NULL)
        parser_report(&p);
    str_put(&out, "", 0);
    show(&out, n);
    assert_string_equal(n != NULL ? out.p : last_message, tree);
    str_free(&out);
    arena_free(&arena);
}

static void
expect_error(const char *text, const char *message, bool incomplete)
{
    struct arena arena = {0};
    struct parser p;

    last_message[0] = '\0';
    parser_init(&p, &arena, text, strlen(text));
    while (parse_command_line(&p) != NULL)
        continue;
    assert_false(parser_at_end(&p));
    assert_int_equal(p.lx.incomplete, incomplete);
    parser_report(&p);
    assert_non_null(strstr(last_message, message));
    arena_free(&arena);
}

static void
words_keep_their_quotes(void **state)
{
    (void)state;
    expect_tree("echo 'a b' \"c $(d 'e)') f\" g\\ h $(i;j) `k l`",
        "(simple echo 'a b' \"c $(d 'e)') f\" g\\ h $(i;j) `k l`)");
    expect_tree("a#b # comment", "(simple a#b)");
    expect_tree("a\\\n b", "(simple a\\\n b)");
}

static void
operators_bind_as_posix_says(void **state)
{
    (void)state;
    expect_tree("a | b && c || d; e & f",
        "(list(or(and(pipe(simple a)(simple b))(simple c))(simple d))(bg(simple e))(simple f))");
    expect_tree("! a | b", "(not(pipe(simple a)(simple b)))");
    expect_tree("a &&\n\nb", "(and(simple a)(simple b))");
}

static void
redirections_know_their_descriptor(void **state)
{
    (void)state;
    expect_tree("a <i 2>e >>o 2>&1 <&- &>x 5<>y", "(simple a >0i >2e >1o >21 >0- >1x >5y)");
    expect_tree("echo 2 >x a2>y", "(simple echo 2 a2 >1x >1y)");
    expect_tree("{ a; } >x", "(group >1x(simple a))");
}

static void
assignments_stand_before_words(void **state)
{
    (void)state;
    expect_tree("A=1 B='2 3' c D=4", "(simple =A=1 =B='2 3' c D=4)");
    expect_tree("1A=2", "(simple 1A=2)");
}

static void
compound_commands_nest(void **state)
{
    (void)state;
    expect_tree("if a; then b; elif c; then d; else e; fi",
        "(if(simple a)(simple b)(if(simple c)(simple d)(simple e)))");
    expect_tree("while a\ndo b\ndone", "(while(simple a)(simple b))");
    expect_tree("for x in 1 2; do a; done", "(for x 1 2(simple a))");
    expect_tree("case x in (a|b) c;; d) esac", "(case x(item a b(simple c))(item d))");
    expect_tree("f() { a; }", "(func f(group(simple a)))");
    expect_tree("(a; b)", "(sub(list(simple a)(simple b)))");
    expect_tree("echo if then }", "(simple echo if then })");
}

static void
text_that_may_go_on_is_incomplete(void **state)
{
    static const char *const texts[] = {"a |", "a &&", "if a", "if a; then b", "while a; do", "(a",
        "{ a;", "'x", "\"x", "$(x", "`x", "a \\", "f()", "case x in"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_error(texts[i], "syntax error", true);
}

static void
wrong_text_is_named(void **state)
{
    (void)state;
    expect_error("a | | b", "near `|'", false);
    expect_error("a ; ; b", "near `;'", false);
    expect_error("fi", "near `fi'", false);
    expect_error("if a; fi", "then should be here", false);
    expect_error("for 1 in a; do b; done", "a variable's name", false);
    expect_error("(a))", "near `)'", false);
    expect_error("a >", "a word", true);
    expect_error("cat << E\nE\n", "here-documents", false);
}

static void
nesting_has_a_bound(void **state)
{
    char text[2 * NEST_MAX + 64];

    (void)state;
    memset(text, '(', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    expect_error(text, "nested too deep", false);
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "$(", 3);
    expect_error(text, "nested too deep", false);
}

static void
the_source_of_a_command_can_be_parsed_again(void **state)
{
    const char *text = "if a; then { b; } >x; fi | while c; do d; done && e";
    struct arena arena = {0};
    struct parser p;
    const struct node *n;

    (void)state;
    parser_init(&p, &arena, text, strlen(text));
    n = parse_command_line(&p);
    assert_non_null(n);
    assert_int_equal(n->src_len, strlen(text));
    assert_int_equal(n->a->a->src_len, strlen("if a; then { b; } >x; fi"));
    assert_memory_equal(n->a->a->next->src, "while c; do d; done", 19);
    assert_int_equal(n->a->a->next->src_len, 19);
    arena_free(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_keep_their_quotes),
        cmocka_unit_test(operators_bind_as_posix_says),
        cmocka_unit_test(redirections_know_their_descriptor),
        cmocka_unit_test(assignments_stand_before_words),
        cmocka_unit_test(compound_commands_nest),
        cmocka_unit_test(text_that_may_go_on_is_incomplete),
        cmocka_unit_test(wrong_text_is_named),
        cmocka_unit_test(nesting_has_a_bound),
        cmocka_unit_test(the_source_of_a_command_can_be_parsed_again),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
