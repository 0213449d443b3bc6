// A certificate of two outputs, one of them an enclave, for the tests of this folder.
#pragma once

#include "lib/cert/statement.h"

namespace hallmark::cert {

inline Certificate sample_certificate() {
  const std::string mrenclave = "ed62977ef4a2771868d8b83ab4e0d5650a4040a92af46d0444c4acc5ba55b073";
  Certificate c;
  c.outputs.files = {{"out/enclave.sgxs", std::string(64, '1')}, {"out/tool", std::string(64, '2')}};
  OutputMeasurement m;
  m.path = "out/enclave.sgxs";
  m.platform = "sgx";
  m.tee = "intel-sgx";
  m.format = "sgxs";
  m.calculator = "hallmark/sgx/1";
  m.registers = {{"mrenclave", *from_hex(mrenclave)}};
  m.identity = Json::object();
  m.policy = Json::object({{"debug_launchable", true}});
  m.inputs = Json::object({{"enclave_size", 8192}});
  m.digest_name = "sgxMrEnclave";
  m.digest = mrenclave;
  c.outputs.measurements = {m};
  c.external_parameters = Json::object({{"name", "sample"}});
  c.internal_parameters = Json::object({{"SOURCE_DATE_EPOCH", 1700000000}});
  c.dependencies = {{"gcc-12", "pkg:deb/debian/gcc-12@12.2.0-14?arch=amd64", {{"sha256", std::string(64, '3')}}}};
  c.lock = Json::object({{"hallmark-lock", 1}, {"name", "sample"}});
  c.builder_id = "https://ci.example.org/builders/a";
  c.builder_version = "0.1.0";
  c.invocation_id = "urn:hallmark:build-record:sha256:" + std::string(64, '4');
  c.started = 1763805600;
  c.finished = 1763805700;
  c.byproducts = {{"build.log", "", {{"sha256", std::string(64, '5')}}}};
  c.host = {"6.1.0", "x86_64", "A CPU", "native", 2, false};
  return c;
}

}  // namespace hallmark::cert
