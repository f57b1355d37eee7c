/* Profiles in folders of our own. What libpam itself makes of the same files was looked up by asking it: with a profile
 * "other" that refuses, in /etc/pam.d of a mount namespace. */
#include "pam/service.h"

#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 4 };

static struct folder first, second;
static const char *directories[] = {first.path, "/nonexistent", second.path, NULL};

static const struct facilities all = {true, true, true}, none = {false, false, false};

static int make_folders(void **state)
{
    (void)state;
    folder_make(&first);
    folder_make(&second);
    return 0;
}

static int remove_folders(void **state)
{
    (void)state;
    folder_remove(&first);
    folder_remove(&second);
    return 0;
}

/* Profiles must be root's: these need root to be made. */
static void need_root(void)
{
    if (geteuid() != 0)
        skip();
}

/* ---- names ---- */

#define LETTERS_32 "abcdefghijklmnopqrstuvwxyz012345"

static const struct name_case {
    const char *sentence;
    const char *name;
    bool valid;
} name_cases[] = {
    {"a word is a name", "su", true},
    {"a hyphen may be inside", "su-l", true},
    {"digits, points and underscores may be", "0_a.b-c9", true},
    {"a letter is a name", "a", true},
    {"a digit is a name", "0", true},
    {"64 bytes are a name", LETTERS_32 LETTERS_32, true},
    {"two points inside are harmless", "a..b", true},
    {"a name may end in a point", "a.", true},
    {"65 bytes are none", LETTERS_32 LETTERS_32 "x", false},
    {"nothing is none", "", false},
    {"a path is none", "/etc/pam.d/su", false},
    {"a path inside is none", "a/su", false},
    {"a slash at the end is none", "su/", false},
    {"the folder above is none", "../pam.d/su", false},
    {"two points are none", "..", false},
    {"a point is none", ".", false},
    {"a hidden file is none", ".su", false},
    {"an option is none", "-su", false},
    {"an underscore first is none", "_su", false},
    {"a capital is none", "Su", false},
    {"a capital inside is none", "sU", false},
    {"a blank is none", "s u", false},
    {"a blank behind is none", "su ", false},
    {"a new line is none", "su\n", false},
    {"an escape is none", "su\033[2J", false},
    {"DEL is none", "su\177", false},
    {"UTF-8 is none", "s\303\274", false},
    {"a pattern is none", "su*", false},
    {"a backup is none", "su~", false},
};

static void name_is_valid_or_not(void **state)
{
    const struct name_case *row = *state;
    struct error error;

    assert_int_equal(service_name_is_valid(row->name), row->valid);
    if (!row->valid) {
        assert_failed(service_check(row->name, directories, all, &error), &error, STATUS_USAGE, STEP_PROFILE);
        assert_int_equal(error.class, CLASS_NODE);
        assert_true(error.hint[0] != '\0');
    }
}

static void every_other_byte_makes_a_name_invalid(void **state)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";

    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char name[] = {'a', (char)byte, 'z', '\0'};

        assert_int_equal(service_name_is_valid(name), strchr(allowed, byte) != NULL);
    }
}

/* ---- what a profile must bring ---- */

struct file {
    const char *name, *text;
};

/* Checked is the profile "p". */
static const struct content_case {
    const char *sentence;
    struct file files[FILES_MAX];
    struct facilities needed;
    const char *missing; /* the facility that libpam would take from "other"; NULL: nothing is missing */
} content_cases[] = {
    {"all three lines are all that is needed",
     {{"p", "auth required x.so\naccount required x.so\nsession required x.so\n"}},
     {true, true, true},
     NULL},
    {"the order of lines does not matter",
     {{"p", "session required x.so\npassword required x.so\naccount required x.so\nauth required x.so\n"}},
     {true, true, true},
     NULL},
    {"an empty profile brings nothing", {{"p", ""}}, {true, true, true}, "auth"},
    {"without auth other would be asked",
     {{"p", "account required x.so\nsession required x.so\n"}},
     {true, true, true},
     "auth"},
    {"without account other would be asked",
     {{"p", "auth required x.so\nsession required x.so\n"}},
     {true, true, true},
     "account"},
    {"without session other would be asked",
     {{"p", "auth required x.so\naccount required x.so\n"}},
     {true, true, true},
     "session"},
    {"a password line is none of the three", {{"p", "password required x.so\n"}}, {true, true, true}, "auth"},
    {"what is not needed may be missing", {{"p", "auth required x.so\n"}}, {true, false, false}, NULL},
    {"account may be all that is needed", {{"p", "account required x.so\n"}}, {false, true, false}, NULL},
    {"session may be all that is needed", {{"p", "session required x.so\n"}}, {false, false, true}, NULL},
    {"an empty profile is enough for nothing", {{"p", ""}}, {false, false, false}, NULL},
    /* lines */
    {"blanks and tabs may stand before", {{"p", " \tauth\trequired x.so\n"}}, {true, false, false}, NULL},
    {"capitals may be used",
     {{"p", "AUTH required x.so\nAccount required x.so\nseSSion required x.so\n"}},
     {true, true, true},
     NULL},
    {"a hyphen before a facility is allowed",
     {{"p", "-auth required x.so\n-ACCOUNT required x.so\n-session optional x.so\n"}},
     {true, true, true},
     NULL},
    {"the last line needs no end", {{"p", "auth required x.so"}}, {true, false, false}, NULL},
    {"lines may end as on other systems", {{"p", "auth required x.so\r\n"}}, {true, false, false}, NULL},
    {"a control in brackets is a control", {{"p", "auth [success=ok default=bad] x.so\n"}}, {true, false, false}, NULL},
    {"a comment is no line",
     {{"p", "#auth required x.so\n # auth required x.so\n\t#auth required x.so\n"}},
     {true, false, false},
     "auth"},
    {"a comment may follow", {{"p", "auth required x.so # why\n"}}, {true, false, false}, NULL},
    {"a facility's name elsewhere is none", {{"p", "password required auth.so auth\n"}}, {true, false, false}, "auth"},
    {"empty lines are passed over", {{"p", "\n\n \nauth required x.so\n"}}, {true, false, false}, NULL},
    /* lines that go on */
    {"a line goes on behind a backslash", {{"p", "auth required \\\nx.so\n"}}, {true, false, false}, NULL},
    {"a line may go on behind the facility", {{"p", "auth \\\nrequired x.so\n"}}, {true, false, false}, NULL},
    {"the backslash may touch the facility", {{"p", "auth\\\n required x.so\n"}}, {true, false, false}, NULL},
    {"a line may begin with a backslash", {{"p", "\\\nauth required x.so\n"}}, {true, false, false}, NULL},
    {"the rest of a line is no line of its own",
     {{"p", "account required x.so \\\nauth required x.so\n"}},
     {true, true, false},
     "auth"},
    {"nor is the rest of the rest",
     {{"p", "account required \\\nx.so \\\nauth required x.so\n"}},
     {true, false, false},
     "auth"},
    {"blanks behind the backslash change nothing",
     {{"p", "account required x.so \\ \t\nauth required x.so\n"}},
     {true, false, false},
     "auth"},
    /* libpam 1.5 goes on behind these, 1.7 does not: what is not certain is missing */
    {"a comment amid a line does not end it",
     {{"p", "account required x.so \\\n# why \\\nauth required x.so\n"}},
     {true, false, false},
     "auth"},
    {"nor does a comment that does not go on",
     {{"p", "account required x.so \\\n# why\nauth required x.so\n"}},
     {true, false, false},
     "auth"},
    {"nor does an empty line",
     {{"p", "account required x.so \\\n\nauth required x.so\n"}},
     {true, false, false},
     "auth"},
    {"a comment does not go on", {{"p", "# why \\\nauth required x.so\n"}}, {true, false, false}, NULL},
    {"a comment behind a line does not go on",
     {{"p", "account required x.so # why \\\nauth required x.so\n"}},
     {true, false, false},
     NULL},
    /* files that are taken in whole */
    {"@include takes another file in",
     {{"p", "@include q\n"}, {"q", "auth required x.so\naccount required x.so\nsession required x.so\n"}},
     {true, true, true},
     NULL},
    {"@include may be written in capitals",
     {{"p", "@INCLUDE q\n"}, {"q", "auth required x.so\n"}},
     {true, false, false},
     NULL},
    {"@include may be indented and commented",
     {{"p", " \t@include\tq # why\n"}, {"q", "auth required x.so\n"}},
     {true, false, false},
     NULL},
    {"@include may go on behind a backslash",
     {{"p", "@include \\\nq\n"}, {"q", "auth required x.so\n"}},
     {true, false, false},
     NULL},
    {"each file brings its part",
     {{"p", "auth required x.so\n@include q\n@include r\n"},
      {"q", "account required x.so\n"},
      {"r", "session required x.so\n"}},
     {true, true, true},
     NULL},
    {"an included file includes another",
     {{"p", "@include q\n"}, {"q", "@include r\n"}, {"r", "auth required x.so\n"}},
     {true, false, false},
     NULL},
    {"an included file that brings nothing brings nothing",
     {{"p", "@include q\n"}, {"q", "# nothing\n"}},
     {true, false, false},
     "auth"},
    {"a file that includes itself comes to an end",
     {{"p", "@include p\naccount required x.so\n"}},
     {true, true, false},
     "auth"},
    {"files that include each other come to an end",
     {{"p", "@include q\n"}, {"q", "@include p\n"}},
     {true, false, false},
     "auth"},
    /* files that are taken in for one facility */
    {"include takes the facility's lines",
     {{"p", "auth include q\n"}, {"q", "auth required x.so\n"}},
     {true, false, false},
     NULL},
    {"substack takes the facility's lines",
     {{"p", "auth substack q\n"}, {"q", "auth required x.so\n"}},
     {true, false, false},
     NULL},
    {"include takes no other facility's",
     {{"p", "auth include q\n"}, {"q", "auth required x.so\naccount required x.so\n"}},
     {true, true, false},
     "account"},
    {"an include that brings no line leaves other",
     {{"p", "auth include q\n"}, {"q", "# nothing\n"}},
     {true, false, false},
     "auth"},
    {"an include of other facilities leaves other",
     {{"p", "auth include q\n"}, {"q", "session required x.so\n"}},
     {true, false, false},
     "auth"},
    {"an include of an include is followed",
     {{"p", "auth include q\n"}, {"q", "auth include r\n"}, {"r", "account required x.so\n"}},
     {true, false, false},
     "auth"},
};

static void write_files(const struct content_case *row)
{
    for (size_t at = 0; at < FILES_MAX && row->files[at].name != NULL; at++)
        (void)folder_write(&first, row->files[at].name, row->files[at].text, 0644);
}

static void remove_files(const struct content_case *row)
{
    for (size_t at = 0; at < FILES_MAX && row->files[at].name != NULL; at++)
        folder_forget(&first, row->files[at].name);
}

static void profile_brings_what_is_needed_or_is_refused(void **state)
{
    const struct content_case *row = *state;
    struct error error = {.message = ""};
    enum result result;
    char wanted[64];

    need_root();
    write_files(row);
    result = service_check("p", directories, row->needed, &error);
    remove_files(row);
    if (row->missing == NULL) {
        if (result != OK)
            print_message("# refused: %s\n", error.message);
        assert_int_equal(result, OK);
        return;
    }
    assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
    assert_int_equal(error.class, CLASS_NODE);
    (void)snprintf(wanted, sizeof wanted, "has no %s line", row->missing);
    assert_non_null(strstr(error.message, wanted));
    assert_non_null(strstr(error.message, "'other'"));
    assert_non_null(strstr(error.hint, row->missing));
}

/* libpam takes a name with a slash for a path, or for one below its folder. */
static const struct path_case {
    const char *sentence;
    const char *start; /* of the line */
    bool whole;        /* the whole path, not one below the folder */
} path_cases[] = {
    {"@include may name a file by its path", "@include", true},
    {"include may name a file by its path", "auth include", true},
    {"substack may name a file by its path", "auth substack", true},
    {"@include may name a file in a folder below", "@include", false},
    {"include may name a file in a folder below", "auth include", false},
};

static void included_file_is_found_by_its_path(void **state)
{
    const struct path_case *row = *state;
    struct error error = {.message = ""};
    enum result result;
    char text[256];

    need_root();
    assert_int_equal(mkdir(folder_path(&first, "below"), 0755), 0);
    (void)snprintf(text, sizeof text, "%s %s\n", row->start, row->whole ? folder_path(&first, "below/q") : "below/q");
    (void)folder_write(&first, "p", text, 0644);
    (void)folder_write(&first, "below/q", "auth required x.so\n", 0644);
    result = service_check("p", directories, (struct facilities){true, false, false}, &error);
    folder_forget(&first, "p");
    folder_forget(&first, "below/q");
    assert_int_equal(rmdir(folder_path(&first, "below")), 0);
    if (result != OK)
        print_message("# refused: %s\n", error.message);
    assert_int_equal(result, OK);
}

/* ---- files and folders ---- */

static const char whole[] = "auth required x.so\naccount required x.so\nsession required x.so\n";

/* Is the file in the first folder, where it is made with these rights, taken or refused? */
static const struct trust_case {
    const char *sentence;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    bool trusted;
} trust_cases[] = {
    {"a file of root's for all to read is trusted", 0644, 0, 0, true},
    {"a file of root's for root to read is trusted", 0600, 0, 0, true},
    {"a file of root's that nobody writes is trusted", 0444, 0, 0, true},
    {"a file of root's and another group is trusted", 0640, 0, 65534, true},
    {"a file that its group writes is refused", 0664, 0, 0, false},
    {"a file that others write is refused", 0646, 0, 0, false},
    {"a file that all write is refused", 0666, 0, 0, false},
    {"a file that another group writes is refused", 0620, 0, 65534, false},
    {"a file of somebody else's is refused", 0644, 65534, 0, false},
    {"even one that its owner cannot write is refused", 0444, 65534, 0, false},
};

static void file_is_trusted_or_refused(void **state)
{
    const struct trust_case *row = *state;
    struct error error = {.message = ""};
    enum result result;

    need_root();
    (void)folder_write(&second, "p", whole, 0644); /* a file in a later folder does not make up for it */
    (void)folder_write(&first, "p", whole, 0600);
    assert_int_equal(chown(folder_path(&first, "p"), row->uid, row->gid), 0);
    assert_int_equal(chmod(folder_path(&first, "p"), row->mode), 0);
    result = service_check("p", directories, all, &error);
    folder_forget(&first, "p");
    folder_forget(&second, "p");
    if (row->trusted) {
        assert_int_equal(result, OK);
        return;
    }
    assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
    assert_int_equal(error.class, CLASS_NODE);
    assert_non_null(strstr(error.message, folder_path(&first, "p")));
    assert_true(error.hint[0] != '\0');
}

static void what_a_profile_includes_must_be_trusted_too(void **state)
{
    static const char *const texts[] = {"@include q\nauth required x.so\n", "auth include q\nauth required x.so\n"};
    const struct facilities auth = {true, false, false};
    struct error error;

    (void)state;
    need_root();
    for (size_t at = 0; at < COUNT(texts); at++) {
        enum result writable, foreign;

        (void)folder_write(&first, "p", texts[at], 0644);
        (void)folder_write(&first, "q", whole, 0666);
        writable = service_check("p", directories, auth, &error);
        assert_int_equal(chmod(folder_path(&first, "q"), 0644), 0);
        assert_int_equal(chown(folder_path(&first, "q"), 65534, 0), 0);
        foreign = service_check("p", directories, auth, &error);
        folder_forget(&first, "p");
        folder_forget(&first, "q");
        assert_int_equal(writable, FAILED);
        assert_failed(foreign, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
        assert_non_null(strstr(error.message, "/q"));
    }
}

/* It would be the first that libpam sees; the next one is no way out. */
static void a_file_that_cannot_be_read_is_told_with_the_reason(void **state)
{
    struct error error;
    enum result result;

    (void)state;
    need_root();
    (void)folder_write(&second, "p", whole, 0644);
    assert_int_equal(symlink("p", folder_path(&first, "p")), 0);
    result = service_check("p", directories, all, &error);
    folder_forget(&first, "p");
    folder_forget(&second, "p");
    assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
    assert_non_null(strstr(error.message, folder_path(&first, "p")));
    assert_non_null(strstr(error.message, strerror(ELOOP)));
}

/* 65,536 files, and as many again for each other facility: nobody is to wait for that. */
static void files_that_include_each_other_twice_are_refused_soon(void **state)
{
    struct error error;
    enum result result;

    (void)state;
    need_root();
    (void)folder_write(&first, "p", "@include q\n@include q\n", 0644);
    (void)folder_write(&first, "q", "@include p\n@include p\n", 0644);
    result = service_check("p", directories, all, &error);
    folder_forget(&first, "p");
    folder_forget(&first, "q");
    assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
    assert_non_null(strstr(error.message, "more than 256 files are included, or some of them again and again"));
}

static void very_many_includes_are_refused(void **state)
{
    char text[2048] = "";
    struct error error;
    enum result result;

    (void)state;
    need_root();
    for (size_t at = 0; at < 100; at++)
        strcat(text, at % 2 == 0 ? "@include q\n" : "auth include q\n");
    strcat(text, whole);
    (void)folder_write(&first, "p", text, 0644);
    (void)folder_write(&first, "q", "", 0644);
    result = service_check("p", directories, all, &error);
    folder_forget(&first, "p");
    folder_forget(&first, "q");
    assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
    assert_non_null(strstr(error.message, "includes more than"));
}

/* libpam refuses everybody for such a line, as if it were their fault. */
static void a_line_that_libpam_does_not_know_is_named(void **state)
{
    static const char *const lines[] = {"authx required x.so\n",
                                        "aut required x.so\n",
                                        "auth requird x.so\n",
                                        "auth [include] q\n",
                                        "@include\n",
                                        "@includes q\n",
                                        "session [substack] other\n",
                                        "auth\n"};
    struct error error;
    enum result result;
    char text[512];

    (void)state;
    need_root();
    for (size_t at = 0; at < COUNT(lines); at++) {
        (void)snprintf(text, sizeof text, "%s%s", whole, lines[at]);
        (void)folder_write(&first, "p", text, 0644);
        result = service_check("p", directories, all, &error);
        folder_forget(&first, "p");
        assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
        assert_int_equal(error.class, CLASS_NODE);
        assert_non_null(strstr(error.message, "is none of pam.d(5)"));
    }
}

static void the_first_folder_that_has_it_counts(void **state)
{
    const struct facilities auth = {true, false, false};
    struct error error;
    enum result from_second, from_first;
    bool exists;

    (void)state;
    need_root();
    (void)folder_write(&second, "p", whole, 0644);
    exists = service_exists("p", directories);
    from_second = service_check("p", directories, all, &error);
    (void)folder_write(&first, "p", "account required x.so\n", 0644); /* less than the second brings */
    from_first = service_check("p", directories, auth, &error);
    folder_forget(&first, "p");
    folder_forget(&second, "p");
    assert_true(exists);
    assert_int_equal(from_second, OK);
    assert_failed(from_first, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
}

static void an_included_file_is_looked_for_in_every_folder(void **state)
{
    struct error error;
    enum result result;

    (void)state;
    need_root();
    (void)folder_write(&first, "p", "@include q\n", 0644);
    (void)folder_write(&second, "q", whole, 0644);
    result = service_check("p", directories, all, &error);
    folder_forget(&first, "p");
    folder_forget(&second, "q");
    assert_int_equal(result, OK);
}

/* libpam would refuse everybody, as if it were the user's fault. */
static void a_missing_included_file_is_unavailable_and_is_named(void **state)
{
    static const char *const texts[] = {"@include nothing-of-ours\nauth required x.so\n",
                                        "auth include nothing-of-ours\n",
                                        "auth include /nonexistent/nothing-of-ours\n"};
    struct error error;

    (void)state;
    need_root();
    for (size_t at = 0; at < COUNT(texts); at++) {
        enum result result;

        (void)folder_write(&first, "p", texts[at], 0644);
        result = service_check("p", directories, (struct facilities){true, false, false}, &error);
        folder_forget(&first, "p");
        assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
        assert_non_null(strstr(error.message, "nothing-of-ours"));
    }
}

static void a_missing_file_is_unavailable_and_the_places_are_told(void **state)
{
    struct error error;

    (void)state;
    assert_false(service_exists("p", directories));
    assert_failed(service_check("p", directories, none, &error), &error, STATUS_UNAVAILABLE, STEP_PROFILE);
    assert_int_equal(error.class, CLASS_NODE);
    for (size_t at = 0; directories[at] != NULL; at++)
        assert_non_null(strstr(error.message, directories[at]));
    assert_non_null(strstr(error.hint, "other"));
}

/* A login that has one of its own must not get another's because that one cannot be read just now. */
static void a_file_that_cannot_be_looked_at_is_there_and_unavailable(void **state)
{
    const char *path = folder_path(&first, "p");
    struct error error;
    enum result result;
    bool exists;

    (void)state;
    assert_int_equal(symlink(path, path), 0);
    exists = service_exists("p", directories);
    result = service_check("p", directories, all, &error);
    folder_forget(&first, "p");
    assert_true(exists);
    assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
    assert_non_null(strstr(error.message, strerror(ELOOP)));
}

static void the_profile_other_is_not_taken_for_a_missing_one(void **state)
{
    struct error error;
    enum result result;

    (void)state;
    need_root();
    (void)folder_write(&first, "other", whole, 0644);
    result = service_check("p", directories, all, &error);
    folder_forget(&first, "other");
    assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
}

static void a_folder_is_no_profile(void **state)
{
    struct error error;
    enum result result;

    (void)state;
    assert_int_equal(mkdir(folder_path(&first, "p"), 0755), 0);
    result = service_check("p", directories, none, &error);
    assert_int_equal(rmdir(folder_path(&first, "p")), 0);
    assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
}

/* Reading it would wait for a writer, for ever. */
static int check_fifo(const void *data)
{
    struct error error;

    (void)data;
    return service_check("p", directories, none, &error) == OK ? 0 : error.status;
}

static void a_fifo_is_refused_and_not_waited_for(void **state)
{
    struct ran ran;

    (void)state;
    assert_int_equal(mkfifo(folder_path(&first, "p"), 0644), 0);
    run(&ran, check_fifo, NULL, 2000);
    folder_forget(&first, "p");
    assert_int_equal(ran.status, STATUS_UNAVAILABLE);
}

static void a_link_to_a_trusted_file_is_trusted(void **state)
{
    struct error error;
    enum result result;
    char target[128];

    (void)state;
    need_root();
    strcpy(target, folder_write(&second, "q", whole, 0644));
    assert_int_equal(symlink(target, folder_path(&first, "p")), 0);
    result = service_check("p", directories, all, &error);
    folder_forget(&first, "p");
    folder_forget(&second, "q");
    assert_int_equal(result, OK);
}

static void a_link_to_an_untrusted_file_is_refused(void **state)
{
    struct error error;
    enum result result;
    char target[128];

    (void)state;
    need_root();
    strcpy(target, folder_write(&second, "q", whole, 0666));
    assert_int_equal(symlink(target, folder_path(&first, "p")), 0);
    result = service_check("p", directories, all, &error);
    folder_forget(&first, "p");
    folder_forget(&second, "q");
    assert_failed(result, &error, STATUS_UNAVAILABLE, STEP_PROFILE);
}

static void libpams_folder_is_the_first_looked_at(void **state)
{
    (void)state;
    assert_string_equal(service_directories[0], "/etc/pam.d");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_other_byte_makes_a_name_invalid),
        cmocka_unit_test(what_a_profile_includes_must_be_trusted_too),
        cmocka_unit_test(a_file_that_cannot_be_read_is_told_with_the_reason),
        cmocka_unit_test(very_many_includes_are_refused),
        cmocka_unit_test(files_that_include_each_other_twice_are_refused_soon),
        cmocka_unit_test(a_line_that_libpam_does_not_know_is_named),
        cmocka_unit_test(the_first_folder_that_has_it_counts),
        cmocka_unit_test(an_included_file_is_looked_for_in_every_folder),
        cmocka_unit_test(a_missing_included_file_is_unavailable_and_is_named),
        cmocka_unit_test(a_missing_file_is_unavailable_and_the_places_are_told),
        cmocka_unit_test(a_file_that_cannot_be_looked_at_is_there_and_unavailable),
        cmocka_unit_test(the_profile_other_is_not_taken_for_a_missing_one),
        cmocka_unit_test(a_folder_is_no_profile),
        cmocka_unit_test(a_fifo_is_refused_and_not_waited_for),
        cmocka_unit_test(a_link_to_a_trusted_file_is_trusted),
        cmocka_unit_test(a_link_to_an_untrusted_file_is_refused),
        cmocka_unit_test(libpams_folder_is_the_first_looked_at),
    };
    static struct suite suite;

    ADD_ROWS(&suite, name_is_valid_or_not, name_cases);
    ADD_ROWS(&suite, profile_brings_what_is_needed_or_is_refused, content_cases);
    ADD_ROWS(&suite, included_file_is_found_by_its_path, path_cases);
    ADD_ROWS(&suite, file_is_trusted_or_refused, trust_cases);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("service", suite.tests, make_folders, remove_folders);
}
