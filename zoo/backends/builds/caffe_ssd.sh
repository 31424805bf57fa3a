#!/bin/bash
# Builds a Caffe with the layers of SSD and other forks (inisis/caffe, package brocolli-caffe 9.0.2) into a virtual
# environment, for the CPU. The package's own setup asks for conda; its CMake project needs none.
# usage: caffe_ssd.sh VENV
set -euo pipefail
venv=$1
python=$venv/bin/python
version=$("$python" -c 'import sys; print("%d%d" % sys.version_info[:2])')

missing=()
for tool in cmake g++ protoc; do command -v "$tool" > /dev/null || missing+=("$tool"); done
for header in boost/python.hpp boost/thread.hpp boost/filesystem.hpp boost/regex.hpp glog/logging.h gflags/gflags.h \
    google/protobuf/message.h cblas.h hdf5.h; do
  echo "#include <$header>" | g++ -x c++ -I/usr/include/hdf5/serial -I"$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')" \
    -include "$([ "$header" = boost/python.hpp ] && echo pyconfig.h || echo cstddef)" -M - > /dev/null 2>&1 || missing+=("$header")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "not found: ${missing[*]}"
  echo "On Debian: apt-get install cmake g++ protobuf-compiler libprotobuf-dev libboost-python-dev libboost-system-dev"
  echo "  libboost-thread-dev libboost-filesystem-dev libboost-regex-dev libgoogle-glog-dev libgflags-dev libopenblas-dev libhdf5-dev"
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip download -q --disable-pip-version-check --no-deps -d "$work" brocolli-caffe==9.0.2
tar xzf "$work/brocolli-caffe-9.0.2.tar.gz" -C "$work"
source=$work/brocolli-caffe-9.0.2
sed -i "s/-lboost_python /-lboost_python$version /" "$source/python/CMakeLists.txt"
sed -i 's/^ *add_subdirectory(test)//' "$source/src/caffe/CMakeLists.txt"
rm -f "$source"/src/caffe/test/*.c*
# Its own limit of 512 MB refuses VGG-16.
sed -i 's/SetTotalBytesLimit(536870912)/SetTotalBytesLimit(INT_MAX)/; 1i #include <climits>' "$source/src/caffe/util/io.cpp"
include=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
numpy=$("$python" -c 'import numpy; print(numpy.get_include())')
cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCPU_ONLY=ON \
  "-DCMAKE_SHARED_LINKER_FLAGS=-L/usr/lib/$(g++ -print-multiarch)/hdf5/serial" \
  "-DCMAKE_CXX_FLAGS=-I/usr/include/hdf5/serial -I$source/src -I$include -I$numpy -w"
cmake --build "$work/build" "-j$(nproc)" --target pycaffe
cp -rL "$source/python/caffe" "$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/caffe"
