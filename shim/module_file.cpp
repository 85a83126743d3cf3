// SPDX-License-Identifier: BSD-3-Clause
#include "module_file.hpp"

#include "checksums.hpp"
#include "failure.hpp"
#include "scope.hpp"

#include <caffe2/serialize/read_adapter_interface.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace covsamp_shim
{

namespace
{

using Reader = std::shared_ptr<caffe2::serialize::ReadAdapterInterface>;

// libtorch reads from the caller's bytes.
class MemoryReader : public caffe2::serialize::ReadAdapterInterface
{
  public:
    MemoryReader(const void *data, size_t bytes)
        : data_(static_cast<const char *>(data)), bytes_(bytes)
    {
    }
    size_t size() const override
    {
        return bytes_;
    }
    size_t read(uint64_t position, void *buffer, size_t count, const char *) const override
    {
        if (position >= bytes_)
            return 0;
        count = std::min(count, bytes_ - static_cast<size_t>(position));
        std::memcpy(buffer, data_ + position, count);
        return count;
    }

  private:
    const char *data_;
    size_t bytes_;
};

// The same from a file: libtorch's own loader throws one and the same error for a file that is not
// there and for one that is not a module.
class FileReader : public caffe2::serialize::ReadAdapterInterface
{
  public:
    explicit FileReader(const char *path)
    {
        namespace fs = std::filesystem;
        fs::path name = fs::u8path(path);
        std::error_code error;
        fs::file_status status = fs::status(name, error);
        if (status.type() == fs::file_type::not_found)
            throw Failure(COVSAMP_TORCH_E_FILE, "path is \"%.300s\", there is no such file", path);
        if (status.type() == fs::file_type::directory)
            throw Failure(COVSAMP_TORCH_E_FILE, "path is \"%.300s\", which is a directory", path);
        file_.open(name, std::ios::binary);
        if (file_.is_open())
            file_.seekg(0, std::ios::end);
        std::streamoff end = file_.is_open() ? static_cast<std::streamoff>(file_.tellg()) : -1;
        if (end < 0)
            throw Failure(COVSAMP_TORCH_E_FILE, "path is \"%.300s\", which cannot be read", path);
        size_ = static_cast<size_t>(end);
    }
    size_t size() const override
    {
        return size_;
    }
    size_t read(uint64_t position, void *buffer, size_t count, const char *) const override
    {
        file_.clear();
        file_.seekg(static_cast<std::streamoff>(position));
        file_.read(static_cast<char *>(buffer), static_cast<std::streamsize>(count));
        return static_cast<size_t>(std::max<std::streamsize>(file_.gcount(), 0));
    }

  private:
    mutable std::ifstream file_;
    size_t size_ = 0;
};

torch::jit::Module read_module(const Reader &reader, torch::jit::ExtraFilesMap &extra)
{
    try {
        check_records(reader);
        return torch::jit::load(reader, c10::Device(c10::kCPU), extra);
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const Failure &) {
        throw;
    } catch (const std::exception &error) { // of several types, see docs/torch.md
        throw Failure(COVSAMP_TORCH_E_FORMAT,
                      "no TorchScript module that libtorch " TORCH_VERSION " can load: %s",
                      one_line(error).c_str());
    }
}

Reader reader_of(const Source &source)
{
    if (source.path != nullptr)
        return std::make_shared<FileReader>(source.path);
    return std::make_shared<MemoryReader>(source.data, source.bytes);
}

} // namespace

torch::jit::Module read_file(const Source &source, Metadata &metadata)
{
    Scope scope;
    torch::jit::ExtraFilesMap extra{{"covsamp.txt", ""}};
    torch::jit::Module module = read_module(reader_of(source), extra);
    metadata = Metadata(extra["covsamp.txt"]);
    return module;
}

void settle_shape(Target &target, const Metadata &metadata)
{
    std::vector<int64_t> shape = metadata.shape(); // must parse, wanted or not
    if (target.shape.empty())
        target.shape = std::move(shape);
    if (target.shape.empty())
        throw Failure(COVSAMP_TORCH_E_SHAPE, "options->dims is NULL and the file's metadata has no "
                                             "\"shape\": one of them must be given");
}

} // namespace covsamp_shim
