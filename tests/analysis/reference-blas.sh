# SPDX-License-Identifier: BSD-3-Clause
# To be read: puts the reference BLAS and LAPACK in front, where Debian has them.  OpenBLAS chooses its kernels by the
# processor, some of which valgrind does not know, and has threads whose locks no sanitizer knows.
for library in blas lapack; do
    folder=$(dirname "$(find /usr/lib -path "*/$library/lib$library.so.3" | head -n 1)")
    if [ "$folder" = . ]; then
        echo "there is no reference $library (lib${library}3)"
        echo "0 passed, 1 failed"
        exit 1
    fi
    export LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
