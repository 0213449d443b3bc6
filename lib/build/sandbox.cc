#include "lib/build/sandbox.h"

#include "lib/build/bwrap.h"
#include "lib/build/native.h"
#include "lib/build/world.h"

namespace hallmark::build {

Result<const Sandbox*> find_sandbox(std::string_view name) {
  for (const Sandbox* sandbox : {&native_sandbox(), &bwrap_sandbox()})
    if (sandbox->name() == name) return sandbox;
  return fail(Fault::usage, "sandbox \"" + printable(name) + "\" is not known: native or bwrap");
}

std::map<std::string, std::string> fixed_conditions(const pin::Lock& lock) {
  BoxRequest request;
  request.epoch = lock.epoch;
  request.cpus = lock.recipe.cpus;
  std::map<std::string, std::string> out{
      {"address_randomisation", "off"},
      {"build_folder", std::string(kBuildFolder)},
      {"capabilities", "none"},
      {"cpus", std::to_string(lock.recipe.cpus)},
      {"domain", std::string(kDomainName)},
      {"group", std::to_string(kBoxUser)},
      {"hostname", std::string(kHostName)},
      {"network", "loopback only"},
      {"root", "read-only"},
      {"umask", "0022"},
      {"user", std::to_string(kBoxUser)},
  };
  for (const auto& [name, value] : environment(request)) out.emplace("env." + name, value);
  return out;
}

}  // namespace hallmark::build
