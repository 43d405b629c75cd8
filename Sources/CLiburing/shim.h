// liburing for Swift: its static inline functions are imported as they are; what is a macro, a bit field of
// a union or a barrier is given a name here.
#pragma once
#include <liburing.h>
