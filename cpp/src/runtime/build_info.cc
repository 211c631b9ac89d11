#include "fastocr/build_info.h"

#include "runtime/build_facts.h"
#include "runtime/commit.h"

namespace fastocr {

const BuildInfo& build_info() {
  static const BuildInfo info{FASTOCR_VERSION, FASTOCR_COMMIT, FASTOCR_COMPILER, FASTOCR_BUILD_TYPE,
                              FASTOCR_TARGET};
  return info;
}

}  // namespace fastocr
