#include "lib/tee/sgx/known_signers.h"

#include <algorithm>
#include <array>

namespace hallmark::sgx {
namespace {

constexpr std::array kKnownSigners{
    KnownSigner{"07a2cf8fe5e57c1321e852797462924ee9b3b1d2bfcba0723b8fb346df646391", "intel/linux-sgx",
                "SampleCode/SealUnseal/Enclave_Seal/Enclave_private_test.pem",
                "1eaa4551d4b02677eec505684412dc288e6d6361"},
    KnownSigner{"218000c2a2c68321e2f3970631c6f87e0b9429a5bb7a6405829eb5f050e60632", "openenclave/openenclave",
                "samples/remote_attestation/enc2/private.pem", "f23ae835bf8111a2abd2acc59088fa03f85ac977"},
    KnownSigner{"3b0afc0422ae85733e021ad4df327acecb8a5b6d390c97187dde080153e0fb70", "openenclave/openenclave",
                "devex/vsextension/ProjectTemplates/oeenclave-windows/MyEnclave_private.pem",
                "6e3c80cddd4fbed67d7d34778254e3944f80419e"},
    KnownSigner{"3f9c8961f7043bb2c0f0ea848da8c47c43f0c811631f43b59e9ceb84fb31d128", "intel/linux-sgx",
                "SampleCode/SealedData/DRM_enclave/DRM_enclave_private.pem",
                "1115c195cd60d5ab2b80c12d07e21663e5aa8030"},
    KnownSigner{"4db947f49814bbc3d44497a09ec2b0926e933aa7d2ecc1a6baf90f4324a42639", "openenclave/openenclave",
                "tools/oesign/files/private.pem", "14680c9b7598943a44baa6fe618d0f9a1c9dcd37"},
    KnownSigner{"5cdf22b33941a33ef56ccb87b737c4afaf9d320660c3b4c208357b2a1c83d98a", "intel/intel-sgx-ssl",
                "Windows/sgx/test_app/enclave/TestEnclave_private.pem", "259b2c934517b6a6410b3562bf7616c078ab6abf"},
    KnownSigner{"5e70caf3b3bb3b5dfaacfeaea8c2170d94e2f8c347b896f38640692b770e223f", "intel/linux-sgx",
                "Linux_SGXEclipsePlugin/build_directory/plugins/com.intel.sgx/templates/resources/Basename_private.pem",
                "9441de4c38700bbc573bb0d363c34387022b7b1c"},
    KnownSigner{"60277ad2fdfc57e980e876e7f878ac1909880ea5380795a7e8ea98b157841f85", "intel/linux-sgx",
                "SampleCode/RemoteAttestation/isv_enclave/isv_enclave_private_test.pem",
                "1eaa4551d4b02677eec505684412dc288e6d6361"},
    KnownSigner{"6c1c59c89ed4dd9825649494fcb2ebf96a8a617a1d0589fe0147f0ef1b3f784d", "intel/linux-sgx",
                "SampleCode/SampleAttestedTLS/client/enc/private_test_key.pem",
                "321a6580fb133a4f9d80245f18556e5bd51521d3"},
    KnownSigner{"838bd957a6098b11cb42ccc68d564cd27061e0244150702dc4d28adb627f96f4", "openenclave/openenclave",
                "samples/echo/enc/private.pem", "93b823efd5a2b9daaf405b8ce9d31632a765a23d"},
    KnownSigner{"83d719e77deaca1470f6baf62a4d774303c899db69020f9c70ee1dfc08c7ce9e", "intel/linux-sgx",
                "SampleCode/SampleEnclave/Enclave/Enclave_private_test.pem",
                "1eaa4551d4b02677eec505684412dc288e6d6361"},
    KnownSigner{"861e92b3e2f55874e6420efbbd762137fc7bd38d5455a4ea1365d8ab86782821", "openenclave/openenclave",
                "tests/mbed/enc/private.pem", "ff50a6a6a6bbc415edbfef9fc642d98512d668dd"},
    KnownSigner{"9389171947797e238b58a364406f943a472b290721d772b7732731c158cb86ef", "openenclave/openenclave",
                "tests/region/key.pem", "ee7954041f1edddae2601cbee79c3856facced60"},
    KnownSigner{"9664d90755bd901069d4725cdd428038473d726f1cec0edf0d78e18a596b1d4e", "intel/linux-sgx",
                "psw/ae/ref_le/ref_keys/enclave_private_test_key.pem", "1eaa4551d4b02677eec505684412dc288e6d6361"},
    KnownSigner{"9fa48b1629bd246a1de3d38fb7df97f6554cd65d6b3b72e85b86848ae6b578ba", "intel/linux-sgx",
                "SampleCode/SampleAttestedTLS/server/enc/private_test_key.pem",
                "321a6580fb133a4f9d80245f18556e5bd51521d3"},
    KnownSigner{"a1b335e4b9fc1ceb68a940efb1ed98129a724cb743c21f124a2874e03a30a93f", "openenclave/openenclave",
                "samples/make/echo/enc/private.pem", "4bf5c53d734ac41745dbc53090809d0922016e65"},
    KnownSigner{"b65d5b1bc8f9723271bc3774a3463a3d2256ac57b5a48e69684450ec60b1c40b", "openenclave/openenclave",
                "new_platforms/tests/oetests/enc/oetests_enclave_private.pem",
                "934f938ccb5f4a967b7bd820c98ef646c7ffe968"},
    KnownSigner{"bcbb7d576c18e0410013411352b6399076aa70892a83906607f9de5fe32bc90f", "openenclave/openenclave",
                "tests/libcxxrt/enc/private.pem", "d6f64a486d46eb54c763bfed7d1a70c0b35543bd"},
    KnownSigner{"bd71c6380ef77c5417e8b2d1ce2d4b6504b9f418e5049342440cfff2443d95bd", "intel/sgx-ra-sample",
                "Enclave/Enclave_private.pem", "c02f68eee8c31c2188ccd5b8084ea3255416cb1d"},
    KnownSigner{"c30446b4be9baf0f69728423ea613ef81a63e72acf7439fa0549001fd5482835", "intel/linux-sgx",
                "SampleCode/LocalAttestation/EnclaveInitiator/EnclaveInitiator_private_test.pem",
                "1eaa4551d4b02677eec505684412dc288e6d6361"},
    KnownSigner{"c958fd40e4232f660ce821288f19c0fff17305a93663cca0991b23a41544158e", "gramineproject/gramine",
                "tests/files/key.pem", "75ba026ed27e6054e3e5eab4d6984f88ce9e6fbc"},
    KnownSigner{"ca0583a715534a8c981b914589a7f0dc5d60959d9ae79fb5353299a4231673d5", "taikoxyz/raiko",
                "docker/enclave-key.pem", "71a53a04798ceb180e41b96d7a7efd26d007a6ca"},
    KnownSigner{"ca9ad7331448980aa28890ce73e433638377f179ab4456b2fe237193193a8d0a", "openenclave/openenclave",
                "samples/make/helloworld/enc/private.pem", "aa34c5a3d4891d63e256faab70f49c3177e7f59d"},
    KnownSigner{"f8b718dac814eb8f256b7b07dea1147e305bc1c80d7906989ecb57bd9169e26b", "openenclave/openenclave",
                "new_platforms/samples/sockets/enc/sockets_enclave_private.pem",
                "1aee7a2d0d69be2317ba18de80d3242c761f1276"},
    KnownSigner{"fbbf17d6b0700e63ad55520f17ed6d2e06c2832217cd992bad243b5022ee83bc", "intel/linux-sgx",
                "psw/ae/ref_le/ref_keys/le_private_test_key.pem", "1eaa4551d4b02677eec505684412dc288e6d6361"},
};

// So that find_known_signer() may search by halves.
static_assert(std::ranges::is_sorted(kKnownSigners, std::ranges::less_equal{}, &KnownSigner::mrsigner));

}  // namespace

std::span<const KnownSigner> known_signers() { return kKnownSigners; }

std::string describe(const KnownSigner& s) { return std::string(s.repository) + ", " + std::string(s.path); }

const KnownSigner* find_known_signer(const DigestOf<Alg::sha256>& mrsigner) {
  const std::string hex = to_hex(mrsigner);
  const auto it = std::ranges::lower_bound(kKnownSigners, hex, {}, &KnownSigner::mrsigner);
  return it != kKnownSigners.end() && it->mrsigner == hex ? &*it : nullptr;
}

}  // namespace hallmark::sgx
