// Owners of what OpenSSL allocates. Included by .cc files of this folder alone.
#pragma once

#include <memory>
#include <new>

#include <openssl/err.h>

namespace hallmark {

template <auto F>
struct Free {
  template <class T>
  void operator()(T* p) const {
    F(p);
  }
};

// What OpenSSL notes about a failure may quote the input: it is dropped, never printed.
struct DropErrors {
  ~DropErrors() { ERR_clear_error(); }
};

// These calls fail only when memory or the crypto provider is gone.
template <class T>
T must(T result) {
  if (!result) throw std::bad_alloc();
  return result;
}

}  // namespace hallmark
