// Stands in for libcuda and libnvcuvid where there is no card: device memory is host memory, imported memory is the
// file behind a software adapter's descriptor, and NVDEC "decodes" pictures of ramps. What goes wrong is chosen by the
// environment. Built by the tests beside it; -DOLD leaves out what an old driver lacks.
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMORY = 2, ABSENT = 100, UNSUPPORTED = 801, LOST = 999, NEW = 123456 };

// The error that FAKE_CUDA_FAIL, such as `cuMemcpy2DAsync_v2=2@3`, names for a call: 2, from its third time on.
static int fails(const char *call, int *times) {
  const char *wanted = getenv("FAKE_CUDA_FAIL");
  size_t length = strlen(call);
  ++*times;
  if (!wanted || strncmp(wanted, call, length) || wanted[length] != '=') return 0;
  const char *from = strchr(wanted, '@');
  return *times >= (from ? atoi(from + 1) : 1) ? atoi(wanted + length + 1) : 0;
}
#define MAY_FAIL(call)                      \
  do {                                      \
    static int times;                       \
    int code = fails(call, &times);         \
    if (code) return code;                  \
  } while (0)

// What is open, told at the end where FAKE_CUDA_COUNT names a file.
static int imported, mapped, allocated, pushed;
__attribute__((destructor)) static void count(void) {
  const char *path = getenv("FAKE_CUDA_COUNT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "imported %d mapped %d allocated %d pushed %d", imported, mapped, allocated, pushed);
  fclose(file);
}

int cuInit(unsigned flags) { MAY_FAIL("cuInit"); return flags ? 1 : 0; }
int cuDriverGetVersion(int *version) { *version = 11040; return 0; }
int cuGetErrorName(unsigned code, const char **name) {
  *name = code == MEMORY        ? "CUDA_ERROR_OUT_OF_MEMORY"
          : code == ABSENT      ? "CUDA_ERROR_NO_DEVICE"
          : code == UNSUPPORTED ? "CUDA_ERROR_NOT_SUPPORTED"
          : code == LOST        ? "CUDA_ERROR_UNKNOWN"
                                : NULL;
  return *name ? 0 : 1;
}
int cuGetErrorString(unsigned code, const char **words) { return cuGetErrorName(code, words); }
int cuDeviceGetCount(int *count) { MAY_FAIL("cuDeviceGetCount"); *count = 2; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 40 + ordinal; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = 512; return 0; }
int cuDeviceGetName(char *name, int length, int device) {
  snprintf(name, length, device == 40 ? "Another Card" : "Fake Card");
  return 0;
}
// The second device has the identity of FAKE_CUDA_UUID.
int cuDeviceGetUuid(unsigned char *uuid, int device) {
  const char *wanted = device == 41 ? getenv("FAKE_CUDA_UUID") : NULL;
  memset(uuid, 0x77, 16);
  for (int i = 0; wanted && i < 16; i++) {
    unsigned byte;
    if (sscanf(wanted + 2 * i, "%2x", &byte) == 1) uuid[i] = byte;
  }
  return 0;
}

// The primary context: FFmpeg refuses one that is active with other flags than these.
static unsigned primary_flags;
static int primary_active;
static int context;
int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) { primary_flags = flags; return 0; }
int cuDevicePrimaryCtxSetFlags(int device, unsigned flags) { primary_flags = flags; return 0; }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
  *flags = primary_flags, *active = primary_active;
  return device == 41 ? 0 : 101;
}
int cuDevicePrimaryCtxRetain(void **out, int device) {
  MAY_FAIL("cuDevicePrimaryCtxRetain");
  primary_active = 1, *out = &context;
  return device == 41 ? 0 : 101;
}
int cuDevicePrimaryCtxRelease(int device) { return 0; }
int cuCtxPushCurrent_v2(void *which) {
  MAY_FAIL("cuCtxPushCurrent_v2");
  if (which != &context) return 201;
  __atomic_add_fetch(&pushed, 1, __ATOMIC_SEQ_CST);
  return 0;
}
int cuCtxPopCurrent_v2(void **which) {
  *which = &context;
  __atomic_sub_fetch(&pushed, 1, __ATOMIC_SEQ_CST);
  return 0;
}

int cuMemAlloc_v2(uint64_t *at, size_t bytes) {
  MAY_FAIL("cuMemAlloc_v2");
  *at = (uint64_t)malloc(bytes);
  allocated++;
  return *at ? 0 : MEMORY;
}
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) {
  memcpy((void *)to, from, bytes);
  return 0;
}

struct copy {
  size_t from_x, from_y; unsigned from_kind; const char *from_host; uint64_t from; void *from_array; size_t from_pitch;
  size_t to_x, to_y; unsigned to_kind; char *to_host; uint64_t to; void *to_array; size_t to_pitch;
  size_t width, height;
};
int cuMemcpy2DAsync_v2(const struct copy *c, void *stream) {
  MAY_FAIL("cuMemcpy2DAsync_v2");
  if (c->from_kind != 2 || c->to_kind != 2 || c->from_pitch < c->width || c->to_pitch < c->width) return 1;
  for (size_t y = 0; y < c->height; y++)
    memcpy((char *)c->to + (c->to_y + y) * c->to_pitch + c->to_x,
           (char *)c->from + (c->from_y + y) * c->from_pitch + c->from_x, c->width);
  // A card that copies wrongly.
  if (getenv("FAKE_CUDA_GARBLE")) *(char *)c->to ^= 0x40;
  return 0;
}
int cuMemcpy2D_v2(const struct copy *c) { return cuMemcpy2DAsync_v2(c, NULL); }
int cuStreamSynchronize(void *stream) { MAY_FAIL("cuStreamSynchronize"); return 0; }

static uint64_t maps[64];
#ifndef OLD
struct import { unsigned kind; union { int fd; void *pair[2]; } handle; unsigned long long size; unsigned flags; };
struct memory { char *whole; size_t length; };
int cuImportExternalMemory(struct memory **out, const struct import *import) {
  MAY_FAIL("cuImportExternalMemory");
  struct stat file;
  // An opaque descriptor of a dedicated allocation.
  if (import->kind != 1 || import->flags != 1 || fstat(import->handle.fd, &file)) return 1;
  if ((unsigned long long)file.st_size < import->size) return 1;
  struct memory *memory = malloc(sizeof *memory);
  memory->length = file.st_size;
  memory->whole = mmap(NULL, memory->length, PROT_READ | PROT_WRITE, MAP_SHARED, import->handle.fd, 0);
  close(import->handle.fd);
  if (memory->whole == MAP_FAILED) return 1;
  *out = memory;
  imported++;
  return 0;
}
struct part { unsigned long long offset, size; unsigned flags; };
int cuExternalMemoryGetMappedBuffer(uint64_t *at, struct memory *memory, const struct part *part) {
  MAY_FAIL("cuExternalMemoryGetMappedBuffer");
  // What the software driver keeps before the memory.
  const char *before = getenv("FAKE_CUDA_OFFSET");
  size_t offset = before ? atol(before) : 0;
  if (part->flags || offset + part->offset + part->size > memory->length) return 1;
  for (int i = 0; i < 64; i++)
    if (!maps[i]) {
      *at = maps[i] = (uint64_t)(memory->whole + offset + part->offset);
      mapped++;
      return 0;
    }
  return MEMORY;
}
int cuDestroyExternalMemory(struct memory *memory) {
  // Nothing may be mapped of it any more.
  for (int i = 0; i < 64; i++)
    if (maps[i] >= (uint64_t)memory->whole && maps[i] < (uint64_t)memory->whole + memory->length) return 1;
  munmap(memory->whole, memory->length);
  free(memory);
  imported--;
  return 0;
}
#endif
int cuMemFree_v2(uint64_t at) {
  for (int i = 0; i < 64; i++)
    if (at && maps[i] == at) {
      maps[i] = 0;
      mapped--;
      return 0;
    }
  free((void *)at);
  allocated--;
  return 0;
}

// NVDEC: pictures whose luma is 16 + (x + 3 y + 5 picture) % 200 and whose chroma is neutral.
struct decoder { unsigned long width, height; int shown[64]; };
int cuvidGetDecoderCaps(unsigned char *caps) {
  MAY_FAIL("cuvidGetDecoderCaps");
  // After codec, chroma, depth and three reserved words.
  memset(caps + 24, 0, 40);
  caps[24] = 1;
  *(unsigned short *)(caps + 26) = 0xff;
  unsigned *most = (unsigned *)(caps + 28);
  most[0] = most[1] = 8192, most[2] = 1 << 20;
  return 0;
}
int cuvidCreateDecoder(struct decoder **out, const unsigned long *info) {
  MAY_FAIL("cuvidCreateDecoder");
  *out = calloc(1, sizeof **out);
  (*out)->width = info[0], (*out)->height = info[1];
  return 0;
}
int cuvidDestroyDecoder(struct decoder *decoder) { free(decoder); return 0; }
int cuvidDecodePicture(struct decoder *decoder, const int *picture) {
  MAY_FAIL("cuvidDecodePicture");
  static int number;
  decoder->shown[picture[2] & 63] = number++;
  return 0;
}
int cuvidMapVideoFrame64(struct decoder *decoder, int index, uint64_t *at, unsigned *pitch, void *how) {
  MAY_FAIL("cuvidMapVideoFrame64");
  unsigned long rows = decoder->height;
  *pitch = (decoder->width + 511) / 512 * 512;
  unsigned char *bytes = malloc(*pitch * (rows + rows / 2));
  memset(bytes, 128, *pitch * (rows + rows / 2));
  for (unsigned long y = 0; y < rows; y++)
    for (unsigned long x = 0; x < decoder->width; x++)
      bytes[y * *pitch + x] = 16 + (x + 3 * y + 5 * decoder->shown[index & 63]) % 200;
  *at = (uint64_t)bytes;
  return 0;
}
int cuvidUnmapVideoFrame64(struct decoder *decoder, uint64_t at) { free((void *)at); return 0; }

// What FFmpeg looks for and these tests do not reach.
#define STUB(name) int name(void) { return UNSUPPORTED; }
STUB(cuDeviceComputeCapability) STUB(cuCtxCreate_v2) STUB(cuCtxSetLimit) STUB(cuCtxDestroy_v2) STUB(cuCtxGetCurrent)
STUB(cuCtxSetCurrent) STUB(cuMemAllocPitch_v2) STUB(cuMemAllocManaged) STUB(cuMemsetD8Async) STUB(cuMemcpy)
STUB(cuMemcpyAsync) STUB(cuMemcpyHtoDAsync_v2) STUB(cuMemcpyDtoH_v2) STUB(cuMemcpyDtoHAsync_v2) STUB(cuMemcpyDtoD_v2)
STUB(cuMemcpyDtoDAsync_v2) STUB(cuCtxGetDevice) STUB(cuDevicePrimaryCtxReset) STUB(cuStreamCreate) STUB(cuStreamQuery)
STUB(cuStreamDestroy_v2) STUB(cuStreamAddCallback) STUB(cuStreamWaitEvent) STUB(cuEventCreate) STUB(cuEventDestroy_v2)
STUB(cuEventSynchronize) STUB(cuEventQuery) STUB(cuEventRecord) STUB(cuLaunchKernel) STUB(cuLinkCreate)
STUB(cuLinkAddData) STUB(cuLinkComplete) STUB(cuLinkDestroy) STUB(cuModuleLoadData) STUB(cuModuleUnload)
STUB(cuModuleGetFunction) STUB(cuModuleGetGlobal) STUB(cuTexObjectCreate) STUB(cuTexObjectDestroy)
STUB(cuGLGetDevices_v2) STUB(cuGraphicsGLRegisterImage) STUB(cuGraphicsUnregisterResource) STUB(cuGraphicsMapResources)
STUB(cuGraphicsUnmapResources) STUB(cuGraphicsSubResourceGetMappedArray) STUB(cuGraphicsResourceGetMappedPointer_v2)
STUB(cuArray3DCreate_v2) STUB(cuArrayDestroy) STUB(cuEGLStreamProducerConnect) STUB(cuEGLStreamProducerDisconnect)
STUB(cuEGLStreamConsumerDisconnect) STUB(cuEGLStreamProducerPresentFrame) STUB(cuEGLStreamProducerReturnFrame)
STUB(cuvidGetDecodeStatus) STUB(cuvidReconfigureDecoder) STUB(cuvidCtxLockCreate) STUB(cuvidCtxLockDestroy)
STUB(cuvidCtxLock) STUB(cuvidCtxUnlock) STUB(cuvidCreateVideoSource) STUB(cuvidCreateVideoSourceW)
STUB(cuvidDestroyVideoSource) STUB(cuvidSetVideoSourceState) STUB(cuvidGetVideoSourceState)
STUB(cuvidGetSourceVideoFormat) STUB(cuvidGetSourceAudioFormat) STUB(cuvidCreateVideoParser) STUB(cuvidParseVideoData)
STUB(cuvidDestroyVideoParser)
