// What Swift cannot say itself of the C interfaces of peers' engines: calls that give and take a struct by value.
// The names and types are those of Unleash's Yggdrasil (github.com/Unleash/yggdrasil, yggdrasilffi).
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
  const unsigned char *bytes;
  size_t count;
  size_t capacity;
} YggdrasilBuffer;

typedef YggdrasilBuffer (*YggdrasilCheck)(void *engine, uint64_t message, uint64_t byteCount);
typedef void (*YggdrasilRelease)(YggdrasilBuffer buffer);
