export { RandomCrop, RandomFlip, RandomRotation, RandomTranslation, RandomZoom } from './augmentation.js'
export { RandomBrightness, RandomContrast } from './brightness.js'
export { CenterCrop, Resizing } from './image-sizes.js'
