// What cuda/ includes as cuda_runtime.h when a host compiler compiles it: the emulator's.
#pragma once
#include "../runtime.h"
#include "../device.h"
