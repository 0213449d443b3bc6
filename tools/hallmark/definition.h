// What a certificate says of a lock in SLSA's words (buildDefinition). It all follows from the lock that the
// certificate carries; verifying derives it again and compares.
#pragma once

#include "lib/cert/statement.h"
#include "lib/pin/lock.h"

namespace hallmark::cli {

// Sets externalParameters, internalParameters, resolvedDependencies and the lock itself. `fixed` are the conditions
// that the box held fixed, from the build record.
void define_build(const pin::Lock& lock, const std::map<std::string, std::string>& fixed, cert::Certificate& out);

// The lock in a certificate, read strictly, after making sure that what the certificate says about it is true.
Result<pin::Lock> lock_of(const cert::Certificate& certificate, const std::string& name);

}  // namespace hallmark::cli
