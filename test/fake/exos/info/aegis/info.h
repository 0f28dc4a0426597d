/* info.h: the exposed window as a variable of the test. */
#ifndef FAKE_INFO_H
#define FAKE_INFO_H

#include_next "aegis/info.h"

#undef AEG_INFO
extern struct aeg_info fake_info;
#define AEG_INFO ((const volatile struct aeg_info *)&fake_info)

#endif
