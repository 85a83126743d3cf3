// SPDX-License-Identifier: BSD-3-Clause
// Checksums of the records of a TorchScript file, which is a zip archive.  libtorch is built
// without looking at them: a file that lost a bit on its way is a module with other weights, or
// worse.
#ifndef COVSAMP_SHIM_CHECKSUMS_HPP
#define COVSAMP_SHIM_CHECKSUMS_HPP

#include <caffe2/serialize/read_adapter_interface.h>

#include <memory>

namespace covsamp_shim
{

// Throws Failure: E_FORMAT, where a record's bytes do not fit their checksum or are not all there.
// What is no archive at all is left to libtorch to refuse.
void check_records(const std::shared_ptr<caffe2::serialize::ReadAdapterInterface> &reader);

} // namespace covsamp_shim

#endif
