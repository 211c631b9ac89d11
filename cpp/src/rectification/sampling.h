#pragma once

#include "fastocr/image.h"
#include "fastocr/rectification.h"
#include "runtime/native/thread_team.h"

namespace fastocr {

// As the function without a team, shared out.
void sample_page(const ImageView& source, const SamplingGrid& grid, native::ThreadTeam& team,
                 Image& result);

// The source as three planes (B, G, R) of pixels / 255, resized so that the corner pixels stay
// where they are.
void resize_to_planes(const ImageView& source, const Size& size, native::ThreadTeam& team,
                      float* planes);

}  // namespace fastocr
