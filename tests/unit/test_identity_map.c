#include "ask/identity_map.h"

#include "memory.h"
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "oFB5sKqu"

static struct folder folder;

static int make_folder(void **state)
{
    (void)state;
    folder_make(&folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    memory_left = -1;
    folder_forget(&folder, "map");
    (void)rmdir(folder_path(&folder, "map"));
    return 0;
}

/* ---- who is who ---- */

static const struct mapping {
    const char *sentence;
    const char *map; /* the file's text; NULL: there is no identity-map */
    const char *rewrite;
    const char *identity;
    const char *account; /* NULL: nobody */
} mappings[] = {
    /* the file */
    {"an identity is found", "a=alice\nb=bob\n", NULL, "b", "bob"},
    {"blanks around both are no part of them", " \ta \t=\t alice \n", NULL, "a", "alice"},
    {"the last line needs no end", "a=alice", NULL, "a", "alice"},
    {"lines may end as on other systems", "a=alice\r\nb=bob\r\n", NULL, "a", "alice"},
    {"comments and empty lines are passed over", "# x=eve\n\n  #y=eve\n \t\na=alice\n", NULL, "a", "alice"},
    {"what a comment says maps nobody", "#a=alice\n", NULL, "a", NULL},
    {"an empty file maps nobody", "", NULL, "a", NULL},
    {"an identity is compared whole", "ab=alice\n", NULL, "a", NULL},
    {"an identity is compared whole, behind too", "a=alice\n", NULL, "ab", NULL},
    {"capitals count", "UID-a=alice\n", NULL, "uid-a", NULL},
    {"capitals do not count with an @", "John@Example.COM=john\n", NULL, "joHN@eXample.com", "john"},
    {"only ASCII letters are made small", "\303\204@x=john\n", NULL, "\303\244@x", NULL},
    {"the same line twice is no harm", "a=alice\nb=bob\na=alice\n", NULL, "a", "alice"},
    {"the last = counts", "a==x==alice\n", NULL, "a==x=", "alice"},
    {"identities may have blanks", "John Smith=john\n", NULL, "John Smith", "john"},
    {"accounts may have blanks and @", "a=john smith@dom\n", NULL, "a", "john smith@dom"},
    {"a # behind the start belongs to the identity", "a#b=alice\n", NULL, "a#b", "alice"},
    {"what stands behind the first / is for people", "UID-jsmith=john\n", NULL, "UID-jsmith/John Smith/x", "john"},
    {"an @ behind the / makes nothing small", "UID-J=john\n", NULL, "UID-J/j@x", "john"},
    /* the rule */
    {"a rule maps", NULL, "^UID-([a-z]+)$ $1", "UID-jsmith", "jsmith"},
    {"a rule maps the part before the /", NULL, "^UID-([a-z]+)$ $1", "UID-jsmith/John Smith", "jsmith"},
    {"a rule that does not match maps nobody", NULL, "^UID-([a-z]+)$ $1", "UID-jsmith1", NULL},
    {"a rule matches from the start", NULL, "^UID-([a-z]+)$ $1", "xUID-jsmith", NULL},
    {"a rule's text may stand around", NULL, "^([a-z]+)$ x-$1-y", "a", "x-a-y"},
    {"a dollar is written twice", NULL, "^([a-z]+)$ $$$1$$", "a", "$a$"},
    {"a rule may turn parts round", NULL, "^([a-z]+)\\.([a-z]+)@example\\.com$ $2$1", "John.Smith@example.com",
     "smithjohn"},
    {"nine parentheses are there", NULL, "^(.)(.)(.)(.)(.)(.)(.)(.)(.)$ $9$8$7$6$5$4$3$2$1", "abcdefghi", "ihgfedcba"},
    {"parentheses that matched nothing are empty", NULL, "^(a)|(b)c$ x", "a", NULL}, /* refused, see below */
    {"an alternative in parentheses is anchored", NULL, "^(a|b)$ $1", "b", "b"},
    {"an alternative in parentheses is anchored before", NULL, "^(a|b)$ $1", "xb", NULL},
    {"an alternative that is not there is empty", NULL, "^(a|(b))c$ x$2", "ac", "x"},
    {"a new line ends nothing", NULL, "^([a-z]+)$ $1", "root\nx", NULL},
    {"a name that can be none maps nobody", NULL, "^(.*)$ -$1", "a", NULL},
    {"an empty name maps nobody", NULL, "^a(x*)$ $1", "a", NULL},
    {"an e-mail form is made small for a rule, too", NULL, "^([a-z]+)@x$ $1", "JOHN@X", "john"},
    /* both */
    {"the file comes first", "UID-a=alice\n", "^UID-([a-z]+)$ $1", "UID-a", "alice"},
    {"the rule comes then", "UID-a=alice\n", "^UID-([a-z]+)$ $1", "UID-b", "b"},
    {"neither is enough", "UID-a=alice\n", "^UID-([a-z]+)$ $1", "b", NULL},
    {"without both nobody is mapped", NULL, NULL, "alice", NULL},
};

static void identity_is_this_account(void **state)
{
    const struct mapping *row = *state;
    const char *map = row->map != NULL ? folder_write(&folder, "map", row->map, 0644) : NULL;
    struct error error = {.message = ""};
    char *account = NULL;
    enum result result = identity_map(map, row->rewrite, row->identity, &account, &error);

    if (row->account != NULL) {
        if (result != OK)
            print_message("# refused: %s\n", error.message);
        assert_int_equal(result, OK);
        assert_string_equal(account, row->account);
    } else {
        assert_int_equal(result, FAILED);
        assert_null(account);
        assert_true(error.status == STATUS_REFUSED || error.status == STATUS_USAGE || error.status == STATUS_POLICY);
    }
    free(account);
}

static void a_refusal_names_the_identity(void **state)
{
    struct error error;
    char *account;

    (void)state;
    assert_failed(identity_map(NULL, "^a$ b", "UID-x/John", &account, &error), &error, STATUS_REFUSED, STEP_IDENTITY);
    assert_string_equal(error.message, "identity 'UID-x': no account is mapped to it");
    assert_string_equal(error.hint, "");
    assert_int_equal(error.class, CLASS_USER);
    assert_failed(identity_map(NULL, NULL, "x", &account, &error), &error, STATUS_REFUSED, STEP_IDENTITY);
    assert_non_null(strstr(error.hint, "identity-rewrite"));
}

static void what_can_be_no_identity_is_refused(void **state)
{
    static const char *const wrong[] = {"", "/", "/John", "a\nb", "a\033[2J", "\177"};
    char long_one[IDENTITY_BYTES_MAX + 2];
    struct error error;
    char *account;

    (void)state;
    for (size_t at = 0; at < COUNT(wrong); at++)
        assert_failed(identity_map(NULL, "^(.*)$ a", wrong[at], &account, &error), &error, STATUS_USAGE, STEP_IDENTITY);
    memset(long_one, 'a', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    assert_failed(identity_map(NULL, "^(.*)$ a", long_one, &account, &error), &error, STATUS_USAGE, STEP_IDENTITY);
    long_one[IDENTITY_BYTES_MAX] = '\0';
    assert_int_equal(identity_map(NULL, "^(.*)$ a", long_one, &account, &error), OK);
    free(account);
    assert_failed(identity_map(NULL, "^(.*)$ $1", long_one, &account, &error), &error, STATUS_REFUSED, STEP_IDENTITY);
}

/* ---- rules ---- */

static const struct rule {
    const char *sentence;
    const char *rule;
    const char *problem; /* a part; NULL: it is valid */
} rules[] = {
    {"a rule has two words", "^a$ b", NULL},
    {"blanks between them may be many", "^a$ \t b", NULL},
    {"one word is none", "^a$", "two words"},
    {"three words are none", "^a$ b c", "two words"},
    {"nothing is none", "", "two words"},
    {"it begins at the start", "a$ b", "begin with"},
    {"it goes to the end", "^a b", "end with"},
    {"an escaped $ is no end", "^a\\$ b", "end with"},
    {"a $ behind an escaped backslash is one", "^a\\\\$ b", NULL},
    {"a mere ^ is no rule", "^ b", "begin with"},
    {"a mere $ is no rule", "$ b", "begin with"},
    {"an outer alternative is refused", "^a|b$ c", "escapes"},
    {"an outer alternative behind parentheses is refused", "^(a)|b$ c", "escapes"},
    {"an outer alternative behind brackets is refused", "^[a]|b$ c", "escapes"},
    {"an outer alternative behind ] in brackets is refused", "^[]a]|b$ c", "escapes"},
    {"an outer alternative behind [^]] is refused", "^[^]]|b$ c", "escapes"},
    {"an outer alternative behind a class is refused", "^[[:alpha:]]|b$ c", "escapes"},
    {"an outer alternative behind \\( is refused", "^\\(a|b$ c", "escapes"},
    {"a backslash in brackets is ordinary", "^[\\]|b$ c", "escapes"},
    {"an escaped | is none", "^a\\|b$ c", NULL},
    {"a | in brackets is none", "^[a|b]$ c", NULL},
    {"a | in brackets behind ] is none", "^[]|]$ c", NULL},
    {"a | in brackets behind a class is none", "^[[:alpha:]|]$ c", NULL},
    {"an inner alternative is fine", "^(a|b(c|d))$ c", NULL},
    {"brackets that do not end are refused", "^[a$ b", "is none"},
    {"parentheses that do not end are refused", "^(a$ b", "is none"},
    {"parentheses that do not begin are refused", "^a)|(b$ c", "without its"},
    {"a class that does not end is refused", "^[[:alpha$ b", "is none"},
    {"an unknown class is refused", "^[[:none:]]$ b", "is none"},
    {"a $ before a letter is refused", "^(a)$ $a", "'$'"},
    {"a $ at the end is refused", "^(a)$ a$", "'$'"},
    {"$0 is refused", "^(a)$ $0", "'$'"},
    {"parentheses that are not there are refused", "^(a)$ $2", "does not have"},
    {"$$ is a dollar", "^(a)$ $$2", NULL},
    {"$10 is $1 and a 0", "^(a)$ $10", NULL},
    {"a mail address is small enough", "^([A-Za-z0-9._-]{1,64})@([a-z0-9.-]{1,255})$ $1", NULL},
    {"so are words with points between", "^([a-z]+)([.][a-z]+)*@example\\.com$ $1", NULL},
    {"repetitions may be as many as that", "^([a-z]{1,9}-){2}x{377}[{]$ a", NULL},
    {"they may not be more", "^([a-z]{1,9}-){2}x{378}[{]$ a", "too large"},
    {"nor any number", "^x{9999999999999999999}$ a", "too large"},
    {"nor more without an end", "^x{400,}$ a", "too large"},
    {"nor more together", "^x{200}y{200}z$ a", "too large"},
    {"nor more of one another", "^((x{1,10}){1,10}){1,10}$ a", "too large"},
    {"nor more by groups in groups", "^((((((((x+)+)+)+)+)+)+)+){2}$ a", "too large"},
    {"nor more by one without an end in another", "^((((((((x{1,}){1,}){1,}){1,}){1,}){1,}){1,}){1,}){2}$ a",
     "too large"},
    {"a repetition in a group is a part of it", "^(x{0,250}){1,}$ a", "can be empty"},
    {"braces in brackets and escaped ones are no repetition", "^[x{999}]\\{999}$ a", NULL},
    {"a comma that is escaped is none of a repetition's", "^((a{1\\,255}){1\\,50})$ a", "no repetition as"},
    {"braces without a number are none", "^a{}$ a", "no repetition as"},
    {"nor without the first", "^a{,2}$ a", "no repetition as"},
    {"nor with a letter in them", "^a{1x}$ a", "no repetition as"},
    {"nor with the numbers turned round", "^a{2,1}$ a", "no repetition as"},
    {"nor when they do not end", "^a{2$ a", "no repetition as"},
    {"braces may say none at all", "^a{0}b{0,0}c$ a", NULL},
    {"a repetition right behind another is refused", "^x+*$ a", "right behind another"},
    {"braces behind braces too", "^x{2}{2}$ a", "right behind another"},
    {"behind an escaped one it is not", "^x\\*+[*]*$ a", NULL},
    {"nothing is not repeated", "^*$ a", "repeats nothing"},
    {"nor at the start of a group", "^(*a)$ a", "repeats nothing"},
    {"nor behind a |", "^(a|+)$ a", "repeats nothing"},
    {"what can be empty is not repeated", "^(a*)*$ a", "can be empty"},
    {"nor an empty group", "^()*$ a", "can be empty"},
    {"nor an alternative that can be", "^(a|b?)+$ a", "can be empty"},
    {"nor the first of them", "^(b{0,3}|a)+$ a", "can be empty"},
    {"nor an empty one", "^(a||b){2}$ a", "can be empty"},
    {"nor a group of such", "^(a?b*(c*)){2}$ a", "can be empty"},
    {"a group with something in it is repeated", "^(a?b*(c*)d){2}(e|f+)*$ a", NULL},
    {"a ^ inside is refused", "^(^|a)$ a", "'^'"},
    {"a $ inside is refused", "^(a$|b)$ a", "'$'"},
    {"in brackets or escaped they are fine", "^[$^]\\^\\$$ a", NULL},
    {"what a backslash makes of a letter is refused", "^\\ba$ a", "before a letter"},
    {"or of other signs", "^\\<a\\>$ a", "before a letter"},
    {"too many parentheses in one another are refused", "^((((((((((a))))))))))$ a", "too many parentheses"},
    {"a back reference is refused", "^(a)\\1$ b", "back reference"},
    {"in brackets it is none", "^(a)[\\1]$ b", NULL},
    {"behind an escaped backslash it is none", "^(a)\\\\1$ b", NULL},
};

static void rule_is_valid_or_not(void **state)
{
    const struct rule *row = *state;
    const char *problem = NULL;
    struct error error;
    char *account;

    assert_int_equal(identity_rewrite_is_valid(row->rule, &problem), row->problem == NULL);
    if (row->problem == NULL)
        return;
    assert_non_null(problem);
    assert_non_null(strstr(problem, row->problem));
    assert_failed(identity_map(NULL, row->rule, "a", &account, &error), &error, STATUS_POLICY, STEP_POLICY);
}

/* ---- files that are refused ---- */

static const struct refused {
    const char *sentence;
    const char *text;
    const char *message; /* behind the path */
} refused[] = {
    {"a line without = is refused", "a=alice\n" SECRET "\n", ":2: neither a comment nor ID=account"},
    {"an identity is not empty", "=alice\n", ":1: before the '=' stands no identity"},
    {"an identity has no control character", "a\033[2J=alice\n", ":1: before the '=' stands no identity"},
    {"an identity has no tab inside", "a\tb=alice\n", ":1: before the '=' stands no identity"},
    {"an identity has no /, or nothing would match it", "a=alice\n" SECRET "/b=eve\n",
     ":2: an identity ends before its first '/': nothing would match this one"},
    {"an account is not empty", "a=\n", ":1: behind the '=' stands no name of an account"},
    {"an account is no path", "a=" SECRET "/b\n", ":1: behind the '=' stands no name of an account"},
    {"an account is no option", "a=-b\n", ":1: behind the '=' stands no name of an account"},
    {"an account has no control character", "a=b\033[2J\n", ":1: behind the '=' stands no name of an account"},
    {"a carriage return inside is refused", "a=b\rc=d\n", ":1: before the '=' stands no identity"},
    {"a byte order mark is refused", "\357\273\277a=alice\n", ":1: a byte order mark stands here"},
    {"two accounts for an identity are refused", "x=eve\na=alice\n\na=bob\n",
     ":4: the same identity has another account"},
    {"two accounts for another identity are refused", "b=bob\nb=eve\na=alice\n",
     ":2: the same identity has another account"},
    {"two accounts for the same in small letters are refused", "A@x=alice\na@X=bob\n",
     ":2: the same identity has another account"},
};

static void map_is_refused(void **state)
{
    const struct refused *row = *state;
    char expected[512];
    struct error error;
    char *account;

    const char *path = folder_write(&folder, "map", row->text, 0644);

    assert_failed(identity_map(path, "^(a)$ $1", "a", &account, &error), &error, STATUS_POLICY, STEP_POLICY);
    assert_null(account); /* the rule does not help */
    (void)snprintf(expected, sizeof expected, "%s%s", path, row->message);
    assert_string_equal(error.message, expected);
    assert_null(strstr(error.hint, SECRET));
}

static void assert_problem(const char *path, const char *problem)
{
    char expected[512];
    struct error error;
    char *account;

    assert_failed(identity_map(path, NULL, "a", &account, &error), &error, STATUS_POLICY, STEP_POLICY);
    (void)snprintf(expected, sizeof expected, "%s: %s", path, problem);
    assert_string_equal(error.message, expected);
}

static void a_file_that_is_not_roots_alone_is_refused(void **state)
{
    const char *path = folder_write(&folder, "map", "a=alice\n", 0644);
    char *secret = strdup(folder_path(&folder, "secret"));

    (void)state;
    path = folder_path(&folder, "map");
    assert_int_equal(chown(path, 65534, 0), 0);
    assert_problem(path, "is not root's");
    assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(chmod(path, 0664), 0);
    assert_problem(path, "can be written by others than root");
    assert_int_equal(chmod(path, 0646), 0);
    assert_problem(path, "can be written by others than root");
    assert_int_equal(unlink(path), 0);
    assert_problem(path, "No such file or directory");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_problem(path, "is no regular file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_problem(path, "is no regular file");
    assert_int_equal(rmdir(path), 0);
    (void)folder_write(&folder, "secret", SECRET "\n", 0600);
    path = folder_path(&folder, "map");
    assert_int_equal(symlink(secret, path), 0);
    assert_problem(path, "is a symbolic link");
    free(secret);
}

static void write_bytes(const char *path, const char *bytes, size_t count)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, count), count);
    assert_int_equal(close(fd), 0);
}

static void nul_bytes_are_refused(void **state)
{
    const char *path = folder_path(&folder, "map");

    (void)state;
    write_bytes(path, "a=alice\n\0b=bob\n", 15);
    assert_problem(path, "has a NUL byte in it");
}

static void a_megabyte_is_read_and_not_more(void **state)
{
    static char text[1024 * 1024 + 1];
    const char *path = folder_path(&folder, "map");
    struct error error;
    char *account;
    size_t length = 0;

    (void)state;
    for (int number = 0; length + 24 < sizeof text - 1; number++)
        length += (size_t)sprintf(text + length, "%d@x=user%d\n", number * 7919 % 50021, number * 7919 % 50021);
    memset(text + length, '#', sizeof text - length);
    write_bytes(path, text, sizeof text - 1);
    assert_int_equal(identity_map(path, NULL, "7919@X", &account, &error), OK);
    assert_string_equal(account, "user7919");
    free(account);
    write_bytes(path, text, sizeof text);
    assert_problem(path, "is too long");
}

static void the_file_is_read_at_every_run(void **state)
{
    struct error error;
    char *account;

    (void)state;
    assert_int_equal(identity_map(folder_write(&folder, "map", "a=alice\n", 0644), NULL, "a", &account, &error), OK);
    free(account);
    assert_int_equal(identity_map(folder_write(&folder, "map", "a=bob\n", 0644), NULL, "a", &account, &error), OK);
    assert_string_equal(account, "bob");
    free(account);
}

static void without_memory_nobody_is_mapped(void **state)
{
    const char *path = folder_write(&folder, "map", "a=alice\n", 0644);
    enum result result = FAILED;
    struct error error;
    char *account;

    (void)state;
    for (long count = 0; result != OK; count++) {
        memory_left = count;
        result = identity_map(path, "^b$ c", "a", &account, &error);
        memory_left = -1;
        if (result != OK) {
            assert_int_equal(error.status, STATUS_SYSTEM);
            assert_null(account);
        }
        assert_true(count < 100);
    }
    free(account);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_names_the_identity),
        cmocka_unit_test(what_can_be_no_identity_is_refused),
        cmocka_unit_test(a_file_that_is_not_roots_alone_is_refused),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(a_megabyte_is_read_and_not_more),
        cmocka_unit_test(the_file_is_read_at_every_run),
        cmocka_unit_test(without_memory_nobody_is_mapped),
    };
    static struct suite suite;

    if (suite_needs_root())
        return 0;
    ADD_ROWS(&suite, identity_is_this_account, mappings);
    ADD_ROWS(&suite, rule_is_valid_or_not, rules);
    ADD_ROWS(&suite, map_is_refused, refused);
    ADD_TESTS(&suite, tests);
    for (size_t at = 0; at < suite.count; at++)
        suite.tests[at].setup_func = clear;
    return cmocka_run_group_tests_name("identity_map", suite.tests, make_folder, remove_folder);
}
