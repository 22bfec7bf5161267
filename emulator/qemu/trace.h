#include "trace/trace-target_i386_acceptlab.h"
