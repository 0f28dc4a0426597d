/*
 * date.c: dates as HTTP writes them: "Sun, 06 Nov 1994 08:49:37 GMT".
 */
#include "httpd.h"

#include <string.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static void
put2(char *out, int n)
{
    out[0] = (char)('0' + n / 10 % 10);
    out[1] = (char)('0' + n % 10);
}

void
date_format(char out[HTTP_DATE_BYTES], time_t t)
{
    struct tm tm = {0};

    gmtime_r(&t, &tm);
    memcpy(out, "ddd, 00 mmm 0000 00:00:00 GMT", HTTP_DATE_BYTES);
    memcpy(out, days + 3 * tm.tm_wday, 3);
    put2(out + 5, tm.tm_mday);
    memcpy(out + 8, months + 3 * tm.tm_mon, 3);
    put2(out + 12, (tm.tm_year + 1900) / 100);
    put2(out + 14, (tm.tm_year + 1900) % 100);
    put2(out + 17, tm.tm_hour);
    put2(out + 20, tm.tm_min);
    put2(out + 23, tm.tm_sec);
}

static int
get2(const char *p)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return -1;
    return (p[0] - '0') * 10 + p[1] - '0';
}

static int
month_of(const char *p)
{
    for (int i = 0; i < 12; i++)
        if (memcmp(p, months + 3 * i, 3) == 0)
            return i;
    return -1;
}

/* Days from 1970-01-01, by the proleptic Gregorian calendar. */
static long
days_of(int year, int month, int day)
{
    long y = year - (month < 2), era = y / 400, of_era = y - era * 400;
    long of_year = (153 * (month + (month < 2 ? 10 : -2)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* The one form that senders may use today. False: another one, or nonsense. */
bool
date_parse(struct slice value, time_t *t)
{
    const char *p = value.p;
    int day, month, century, year, hour, minute, second;

    if (value.len != HTTP_DATE_BYTES - 1 || memcmp(p + 25, " GMT", 4) != 0 || p[3] != ',')
        return false;
    day = get2(p + 5);
    month = month_of(p + 8);
    century = get2(p + 12);
    year = get2(p + 14);
    hour = get2(p + 17);
    minute = get2(p + 20);
    second = get2(p + 23);
    if (day < 1 || day > 31 || month < 0 || century < 0 || year < 0 || hour < 0 || minute < 0 ||
        second < 0)
        return false;
    *t = (time_t)days_of(century * 100 + year, month, day) * 86400 + hour * 3600 + minute * 60 +
         second;
    return true;
}

/* Made once a second. */
const char *
date_now(void)
{
    static char text[HTTP_DATE_BYTES];
    static time_t made;
    time_t now = time(NULL);

    if (now != made || text[0] == '\0') {
        date_format(text, now);
        made = now;
    }
    return text;
}
